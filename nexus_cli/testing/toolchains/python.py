"""Python: pytest in an environment of its own, beside the one that the service runs in."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection
from pathlib import Path

from nexus_cli.engine import python_project, tools
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.process import Completed
from nexus_cli.testing import junit
from nexus_cli.testing.case import Case
from nexus_cli.testing.programs import broke, environment, fresh, relative, run_program, tail
from nexus_cli.testing.run import Asked
from nexus_cli.testing.subject import Subject
from nexus_cli.testing.tested import Coverage, Tested
from nexus_cli.unit import PythonProject
from nexus_cli.workspace import write_atomic

_LOCK = "requirements-dev.lock"
_NO_TESTS, _STOPPED = 5, 2
_UNKNOWN_MARK = "Unknown marker(s) in '-m' expression"
_BROKEN_FILE = re.compile(r"^ERROR \S+\.py\b", re.MULTILINE)
_OWN_LOCK = (
    "it has no requirements-dev.lock, and what its tests need could not be found out: {}",
    "write one with `uv pip compile --group dev --generate-hashes pyproject.toml -o requirements-dev.lock`",
)


def prepare(subject: Subject, asked: Asked, progress: Progress) -> None:
    """Make the environment of the service's tests."""
    project = _project(subject, asked)
    if not (subject.folder / project.lock).is_file():
        _resolve(subject, subject.folder / project.lock, progress)
    python_project.build(project, progress)


def run(subject: Subject, asked: Asked, only: Collection[Case]) -> Tested:
    """Run pytest."""
    project = _project(subject, asked)
    python = python_project.environment(project) / "bin" / "python"
    folder = asked.folder(f"unit/{subject.name}")
    results, covered = fresh(folder / "junit.xml"), fresh(folder / "coverage.json")
    wanted = [case.name for case in only]
    done = run_program(
        asked,
        [
            *(str(python), "-m", "pytest", "--color=no", "-v", "-p", "no:cacheprovider"),
            *("-o", "junit_family=xunit1", f"--junitxml={results}"),
            *_measure(subject, project, covered),
            *(["-m", " or ".join(asked.tags)] if asked.tags else []),
            *([node for case in only for node in _node(case, subject, asked)] if wanted else []),
        ],
        cwd=subject.folder,
        env=environment(
            python_project.programs(project),
            {**python_project.variables(project), "COVERAGE_FILE": str(folder / "coverage.db")},
        ),
    )
    write_atomic(folder / "output.txt", done.out + done.err)
    if done.code == _NO_TESTS or (asked.tags and _knows_no_such_mark(done)):
        return Tested([])
    if not results.is_file():
        raise broke("pytest", done)
    cases = junit.read(results, "unit", subject.name, relative(subject.folder, asked))
    if done.code > _STOPPED or (done.code and not any(c.status in {"failed", "error"} for c in cases)):
        raise NexusError(f"pytest ended with exit code {done.code}: {done.last_line}", hint=tail(done))
    return Tested(cases, _coverage(covered))


def _knows_no_such_mark(done: Completed) -> bool:
    """Whether pytest ends because its settings list no mark of that name; a file that is broken is told."""
    return _UNKNOWN_MARK in done.out + done.err and not _BROKEN_FILE.search(done.out)


def _project(subject: Subject, asked: Asked) -> PythonProject:
    home = asked.workspace.state / "tests" / "environments" / subject.name
    lock = _LOCK if (subject.folder / _LOCK).is_file() else str(home / _LOCK)
    return PythonProject(subject.folder, lock, subject.packages, home / "venv")


def _resolve(subject: Subject, lock: Path, progress: Progress) -> None:
    """Pin what a folder without a lock for its tests asks for in its group `dev`."""
    manifest = subject.folder / "pyproject.toml"
    if not manifest.is_file():
        raise UsageError(_OWN_LOCK[0].format(f"{manifest} is missing"), hint=_OWN_LOCK[1])
    lock.parent.mkdir(parents=True, exist_ok=True)
    done = tools.uv(
        *("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--group", f"{manifest}:dev"),
        *("--python", sys.executable, str(manifest), "-o", str(lock)),
        cwd=lock.parent,
        progress=progress,
    )
    if done.code:
        raise NexusError(_OWN_LOCK[0].format(tools.reason(done)), hint=_OWN_LOCK[1])


def _measure(subject: Subject, project: PythonProject, report: Path) -> list[str]:
    """How coverage is written, where its plug-in is there; nexus judges it, over all services."""
    site = next((python_project.environment(project) / "lib").glob("python*/site-packages"), None)
    if site is None or not (site / "pytest_cov").is_dir():
        return []
    manifest = subject.folder / "pyproject.toml"
    chosen = manifest.is_file() and "--cov" in manifest.read_text(encoding="utf-8")
    return [*([] if chosen else ["--cov"]), f"--cov-report=json:{report}", "--cov-fail-under=0"]


def _coverage(report: Path) -> Coverage | None:
    if not report.is_file():
        return None
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    return Coverage(totals["covered_lines"], totals["num_statements"])


def _node(case: Case, subject: Subject, asked: Asked) -> list[str]:
    """The test as pytest names it, or its file where that is all that is known."""
    file = case.file.removeprefix(f"{relative(subject.folder, asked)}/")
    return [f"{file}::{case.name}"] if file else []
