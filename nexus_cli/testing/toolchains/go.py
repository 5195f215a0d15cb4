"""Go: `go test`, whose own cache spares what did not change."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from nexus_cli.engine import go_project
from nexus_cli.engine.engine import Progress
from nexus_cli.testing.case import Case, Status
from nexus_cli.testing.programs import broke, environment, fresh, relative, run_program
from nexus_cli.testing.run import Asked
from nexus_cli.testing.subject import Subject
from nexus_cli.testing.tested import Coverage, Tested
from nexus_cli.unit import GoProject
from nexus_cli.workspace import write_atomic

_ENDS: dict[str, Status] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_PLACE = re.compile(r"^\s*(\S+_test\.go):(\d+):", re.MULTILINE)
_CONSTRAINT = re.compile(r"^//go:build (.+)$", re.MULTILINE)
_TEST = re.compile(r"^func (Test\w*)\(", re.MULTILINE)
_BLOCK = re.compile(r"^(\S+) (\d+) (\d+)$", re.MULTILINE)
Events = Mapping[tuple[str, str], list[Mapping[str, Any]]]


def prepare(subject: Subject, asked: Asked, progress: Progress) -> None:  # noqa: ARG001 - the runners' form
    """Have a compiler."""
    go_project.compiler(GoProject(subject.folder), progress)


def run(subject: Subject, asked: Asked, only: Collection[Case]) -> Tested:
    """Run the tests of every package of the module."""
    go = go_project.compiler(GoProject(subject.folder), asked.progress)
    profile = fresh(asked.folder(f"unit/{subject.name}") / "coverage.out")
    names = {case.name.split("/")[0].rpartition(".")[2] for case in only}
    if asked.tags:
        names = names or marked(subject.folder, asked.tags)
        if not names:
            return Tested([])
    done = run_program(
        asked,
        [
            *(str(go), "test", "-json", f"-timeout={asked.timeout:.0f}s"),
            *([f"-tags={','.join(asked.tags)}"] if asked.tags else []),
            *(["-run", f"^({'|'.join(sorted(map(re.escape, names)))})$"] if names else []),
            *(["-count=1"] if only else [f"-coverprofile={profile}", f"-coverpkg={_own(subject.folder)}"]),
            "./...",
        ],
        cwd=subject.folder,
        env=environment([go.parent], {**go_project.settings(os.environ), **asked.variables}),
    )
    write_atomic(profile.with_name("output.txt"), done.out + done.err)
    events = _events(done.out)
    if not events and done.code:
        raise broke("go test", done)
    return Tested(list(_cases(events, subject, asked)), _coverage(profile))


def marked(folder: Path, tags: Collection[str]) -> set[str]:
    """The tests in files that are only built with one of the tags: a mark of Go is a build constraint."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*_test.go")):
        text = path.read_text(encoding="utf-8", errors="replace")
        constraint = _CONSTRAINT.search(text)
        if constraint and {*tags} & {*re.findall(r"(?<!!)\b[\w.]+", constraint[1])}:
            found |= {*_TEST.findall(text)}
    return found


def _own(folder: Path) -> str:
    """What coverage is measured of: the code behind the commands, where a module has both."""
    return "./internal/..." if (folder / "internal").is_dir() else "./..."


def _events(out: str) -> Events:
    """What was said of each package and each test of it, by both names."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in out.splitlines():
        if line.startswith("{"):
            event = json.loads(line)
            key = (event.get("Package") or event.get("ImportPath", "").split(" ")[0], event.get("Test", ""))
            found.setdefault(key, []).append(event)
    return found


def _cases(events: Events, subject: Subject, asked: Asked) -> Iterator[Case]:
    broken = {
        package for (package, test), _ in events.items() if test and _end(events[package, test]) == "failed"
    }
    for (package, test), said in events.items():
        status = _end(said)
        text = "".join(event.get("Output", "") for event in said)
        name = f"{package.rpartition('/')[2]}.{test}" if test else package
        if test and status is None:
            yield Case("unit", subject.name, name, "error", 0, "it did not end", text)
        elif test and status:
            yield _case(name, status, said, text, subject, asked)
        elif status == "failed" and package not in broken:
            message = next((line for line in text.splitlines() if line and line[0] not in "#F"), "")
            yield Case("unit", subject.name, name, "error", 0, message or "the package failed", text)


def _case(
    name: str, status: Status, said: list[Mapping[str, Any]], text: str, subject: Subject, asked: Asked
) -> Case:
    found = _PLACE.search(text)
    file = next(iter(sorted(subject.folder.rglob(found[1]))), None) if found else None
    line = text[found.end() :].splitlines()[0].strip() if found else ""
    return Case(
        "unit",
        subject.name,
        name,
        status,
        said[-1].get("Elapsed", 0.0),
        line if status != "passed" else "",
        text if status == "failed" else "",
        relative(file, asked) if file else "",
        int(found[2]) if found else 0,
    )


def _end(said: list[Mapping[str, Any]]) -> Status | None:
    return next((_ENDS[event["Action"]] for event in said if event["Action"] in _ENDS), None)


def _coverage(profile: Path) -> Coverage | None:
    """The statements of a profile, in which each block stands once for every package that was tested."""
    if not profile.is_file():
        return None
    blocks: dict[str, tuple[int, bool]] = {}
    for block, statements, count in _BLOCK.findall(profile.read_text(encoding="utf-8")):
        known = blocks.get(block, (0, False))[1]
        blocks[block] = (int(statements), known or count != "0")
    total = sum(number for number, _ in blocks.values())
    return Coverage(sum(number for number, ran in blocks.values() if ran), total)
