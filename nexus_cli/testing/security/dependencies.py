"""Known faults of what services depend on, where a database of them can be reached."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nexus_cli.engine import go_project, node_project
from nexus_cli.process import Completed
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.programs import environment, run_program
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import tools
from nexus_cli.testing.subject import Subject, Toolchain, subjects
from nexus_cli.unit import GoProject, NodeProject

KIND = "security"
_NAME = "its dependencies have no known fault"
_ACCEPT = "move on to a version without it; `{}` accepts it"
_SEVERE = frozenset({"moderate", "high", "critical"})


class OfflineError(Exception):
    """The database of faults did not answer; why is the message."""


def check(asked: Asked, tell: Tell) -> None:
    """Look up what the lock of each service and package names; a database is not asked again in vain."""
    away: dict[Toolchain, str] = {}
    for subject in subjects(asked.platform):
        if asked.wants(subject.name) and not asked.enough.is_set():
            began = time.monotonic()
            try:
                faults = [] if subject.toolchain in away else AUDITS[subject.toolchain](asked, subject)
            except OfflineError as error:
                away[subject.toolchain] = str(error)
            if subject.toolchain in away:
                tell(Case(KIND, subject.name, _NAME, "not run", message=away[subject.toolchain]))
                continue
            seconds = time.monotonic() - began
            for message, detail in faults:
                tell(Case(KIND, subject.name, _NAME, "failed", seconds, message, detail))
            if not faults:
                tell(Case(KIND, subject.name, _NAME, "passed", seconds))


Faults = list[tuple[str, str]]


def _python(asked: Asked, subject: Subject) -> Faults:
    lock = subject.folder / "requirements.lock"
    pins = re.findall(r"^\S+==\S+", lock.read_text(encoding="utf-8"), re.MULTILINE) if lock.is_file() else []
    with tempfile.TemporaryDirectory(prefix="nexus-audit-") as folder:
        listed = Path(folder, "requirements.txt")
        for some in (pins[:1], pins):  # one alone tells whether there is an answer at all, in a second
            listed.write_text("\n".join(some), encoding="utf-8")
            faults = python_faults(_pip_audit(asked, listed))
    return faults


def _pip_audit(asked: Asked, requirements: Path) -> Completed:
    return tools.run(
        asked,
        *("pip-audit", "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format=json"),
        *("--progress-spinner=off", "--timeout=10"),
    )


def python_faults(done: Completed) -> Faults:
    """What pip-audit said; a database that did not answer for a package is not an answer."""
    try:
        said: Mapping[str, Any] = json.loads(done.out)
    except ValueError as error:
        raise OfflineError(f"offline: pip-audit reaches no database ({_brief(done)})") from error
    dependencies = said["dependencies"]
    skipped = [one for one in dependencies if "skip_reason" in one]
    if skipped:
        raise OfflineError(f"offline: the database of faults does not answer for {skipped[0]['name']}")
    return [
        (
            f"{one['name']} {one['version']}: {fault['id']}",
            f"fixed in {', '.join(fault['fix_versions']) or 'no version yet'}",
        )
        for one in dependencies
        for fault in one.get("vulns", ())
    ]


def _node(asked: Asked, subject: Subject) -> Faults:
    project = NodeProject(subject.folder)
    env = environment(node_project.programs(project), node_project.variables(project))
    command = ["npm", "audit", "--json", "--omit=dev", "--package-lock-only"]
    return node_faults(run_program(asked, command, cwd=subject.folder, env=env))


def node_faults(done: Completed) -> Faults:
    """What npm said."""
    try:
        said: Mapping[str, Any] = json.loads(done.out)
    except ValueError as error:
        raise OfflineError(f"offline: npm audit gets no answer ({_brief(done)})") from error
    if "vulnerabilities" not in said:
        why = said.get("message") or _brief(done)
        raise OfflineError(f"offline: the registry does not answer audits ({_without_address(why)})")
    return [
        (f"{name} {one['range']}: {one['severity']}", _ACCEPT.format("overrides in package.json"))
        for name, one in sorted(said["vulnerabilities"].items())
        if one["severity"] in _SEVERE
    ]


def _go(asked: Asked, subject: Subject) -> Faults:
    program = shutil.which("govulncheck")
    if program is None:
        raise OfflineError(
            "govulncheck is not installed: go install golang.org/x/vuln/cmd/govulncheck@latest"
        )
    go = go_project.compiler(GoProject(subject.folder), asked.progress)
    env = environment([go.parent], {})
    return go_faults(run_program(asked, [program, "-format", "json", "./..."], cwd=subject.folder, env=env))


def go_faults(done: Completed) -> Faults:
    """What govulncheck said: a row of JSON objects, of which those of called functions count."""
    if done.code:
        raise OfflineError(f"offline: govulncheck reaches no database ({_brief(done)})")
    decoder, text, faults = json.JSONDecoder(), done.out.strip(), {}
    while text:
        said, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        finding = said.get("finding")
        if finding and finding["trace"][0].get("function"):
            fixed = finding.get("fixed_version") or "no version yet"
            faults[f"{finding['trace'][0]['module']}: {finding['osv']}"] = f"fixed in {fixed}"
    return sorted(faults.items())


AUDITS: Mapping[Toolchain, Callable[[Asked, Subject], Faults]] = {
    "python": _python,
    "node": _node,
    "go": _go,
}


def _brief(done: Completed) -> str:
    return _without_address(done.last_line)[:200]


def _without_address(text: str) -> str:
    """What was said, without where was asked: an address may hold a password."""
    return re.sub(r"\S*://\S+", "…", text)
