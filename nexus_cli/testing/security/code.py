"""Faults in code that can be seen without running it: bandit for Python, semgrep with rules of our own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import tools
from nexus_cli.testing.subject import Subject, subjects

KIND = "security"
_RULES = Path(__file__).resolve().parent / "rules.yaml"
OWN_RULES = "tests/security/rules"
_NOT_CODE = ("node_modules", ".venv", "dist", ".next", "tests")
_SEVERE = frozenset({"MEDIUM", "HIGH"})


def check(asked: Asked, tell: Tell) -> None:
    """Look through the code of services and packages; tests may do what code should not."""
    wanted = [subject for subject in subjects(asked.platform) if asked.wants(subject.name)]
    python = [subject for subject in wanted if subject.toolchain == "python"]
    if python:
        _told(asked, tell, python, "bandit", _bandit(asked, python))
    if wanted:
        _told(asked, tell, wanted, "semgrep", _semgrep(asked, wanted))


def _told(
    asked: Asked, tell: Tell, wanted: Sequence[Subject], program: str, faults: Iterator[tuple[str, Case]]
) -> None:
    """Tell the faults of each subject, or that it has none."""
    began = time.monotonic()
    name = f"{program} finds nothing in its code"
    found = list(faults)
    seconds = (time.monotonic() - began) / len(wanted)
    for subject in wanted:
        folder = subject.folder.relative_to(asked.workspace.root).as_posix()
        mine = [case for file, case in found if f"{file}/".startswith(f"{folder}/")]
        for case in mine or [Case(KIND, subject.name, name, "passed", seconds)]:
            tell(case)


def _bandit(asked: Asked, wanted: Sequence[Subject]) -> Iterator[tuple[str, Case]]:
    skipped = ",".join(f"*/{name}/*" for name in _NOT_CODE)
    folders = [subject.folder.relative_to(asked.workspace.root).as_posix() for subject in wanted]
    done = tools.run(asked, "bandit", "-q", "-f", "json", "-x", skipped, "-r", *folders)
    said = _said("bandit", done.out, done.last_line)
    names = {folder: subject.name for folder, subject in zip(folders, wanted, strict=True)}
    for one in said["results"]:
        if one["issue_severity"] in _SEVERE:
            file = one["filename"].removeprefix("./")
            name = next(name for folder, name in names.items() if file.startswith(f"{folder}/"))
            hint = f"{one['more_info']}\n`# nosec {one['test_id']}` on the line accepts it"
            message = f"{one['test_id']}: {one['issue_text']}"
            yield file, _fault(name, "bandit", message, hint, file, one["line_number"])


def _semgrep(asked: Asked, wanted: Sequence[Subject]) -> Iterator[tuple[str, Case]]:
    root = asked.workspace.root
    rules = [_RULES, *([root / OWN_RULES] if any((root / OWN_RULES).glob("*.yaml")) else [])]
    folders = [subject.folder.relative_to(root).as_posix() for subject in wanted]
    done = tools.run(
        asked,
        *(
            "semgrep",
            "scan",
            "--json",
            "--quiet",
            "--metrics=off",
            "--disable-version-check",
            "--no-git-ignore",
        ),
        *(f"--config={path}" for path in rules),
        *(f"--exclude={name}" for name in _NOT_CODE),
        *folders,
    )
    said = _said("semgrep", done.out, done.last_line)
    for fault in said.get("errors", ()):
        if fault.get("level") == "error":
            raise NexusError(f"semgrep cannot use its rules: {str(fault.get('message', '')).strip()[:300]}")
    names = {folder: subject.name for folder, subject in zip(folders, wanted, strict=True)}
    for one in said["results"]:
        file = one["path"]
        name = next(name for folder, name in names.items() if file.startswith(f"{folder}/"))
        rule = one["check_id"].rpartition(".")[2]
        hint = f"a comment `nosemgrep: {rule}` on the line accepts it"
        message = f"{rule}: {' '.join(one['extra']['message'].split())}"
        yield file, _fault(name, "semgrep", message, hint, file, one["start"]["line"])


def _fault(subject: str, program: str, message: str, hint: str, file: str, line: int) -> Case:
    """A finding; without the line of code, which may hold a secret."""
    name = f"{program} finds nothing in its code"
    return Case(KIND, subject, name, "failed", 0, message, hint, file, line)


def _said(program: str, out: str, last: str) -> Mapping[str, Any]:
    try:
        said: Mapping[str, Any] = json.loads(out)
    except ValueError as error:
        raise NexusError(f"{program} broke: {last}") from error
    return said
