"""Node: vitest, as the project pins it; else the project's own script `test`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from nexus_cli.engine import node_project
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Status
from nexus_cli.testing.programs import broke, environment, fresh, relative, run_program, tail
from nexus_cli.testing.run import Asked
from nexus_cli.testing.subject import Subject
from nexus_cli.testing.tested import Coverage, Tested
from nexus_cli.unit import NodeProject
from nexus_cli.workspace import write_atomic

_STATUSES: dict[str, Status] = {"passed": "passed", "failed": "failed"}
_THRESHOLDS = ("lines", "statements", "functions", "branches")


def prepare(subject: Subject, asked: Asked, progress: Progress) -> None:  # noqa: ARG001 - the runners' form
    """Install the packages, with those that only tests need."""
    node_project.build(_project(subject), progress)


def run(subject: Subject, asked: Asked, only: Collection[Case]) -> Tested:
    """Run vitest where it is installed, else `npm test`."""
    project = _project(subject)
    folder = asked.folder(f"unit/{subject.name}")
    env = environment(node_project.programs(project), node_project.variables(project))
    env["NODE_DISABLE_COMPILE_CACHE"] = "1"  # what was compiled earlier is counted less precisely
    vitest = node_project.packages(project) / "vitest" / "vitest.mjs"
    if not vitest.is_file():
        return _script(subject, asked, env)
    results, covered = fresh(folder / "vitest.json"), fresh(folder / "coverage" / "coverage-summary.json")
    done = run_program(
        asked,
        [
            *("node", str(vitest), "run", "--reporter=json", f"--outputFile={results}"),
            *("--includeTaskLocation", "--no-color"),
            *([f"--tagsFilter={' || '.join(asked.tags)}"] if asked.tags else []),
            *(_measure(project, covered.parent) if not only else ["--coverage.enabled=false"]),
            *([] if not only else _selection(only, subject, asked)),
        ],
        cwd=subject.folder,
        env=env,
    )
    write_atomic(folder / "output.txt", done.out + done.err)
    if not results.is_file():
        if "No test files found" in done.out + done.err:
            return Tested([])
        raise broke("vitest", done)
    said = json.loads(results.read_text(encoding="utf-8"))
    if asked.tags and said["success"] and not said["numTotalTests"]:  # vitest knows no such tag
        return Tested([])
    cases = list(_cases(said, subject, asked))
    if done.code and not any(case.status in {"failed", "error"} for case in cases):
        raise NexusError(f"vitest ended with exit code {done.code}: {done.last_line}", hint=tail(done))
    return Tested(cases, _coverage(covered))


def _project(subject: Subject) -> NodeProject:
    return NodeProject(subject.folder, packages=subject.packages, tested=True)


def _measure(project: NodeProject, folder: Path) -> list[str]:
    if not (node_project.packages(project) / "@vitest" / "coverage-v8").is_dir():
        return []
    limits = [f"--coverage.thresholds.{name}=0" for name in _THRESHOLDS]  # nexus judges it, over all services
    where = [f"--coverage.reportsDirectory={folder}", "--coverage.reporter=json-summary"]
    return ["--coverage.enabled", *where, *limits]


def _selection(only: Collection[Case], subject: Subject, asked: Asked) -> list[str]:
    """Those tests alone: their files, and a pattern of their names."""
    prefix = f"{relative(subject.folder, asked)}/"
    files = sorted({case.file.removeprefix(prefix) for case in only if case.file})
    names = "|".join(re.escape(case.name.replace(" > ", " ")) for case in only)
    return [*files, "--testNamePattern", f"^({names})$"]


def _cases(said: dict[str, Any], subject: Subject, asked: Asked) -> Iterator[Case]:
    for suite in said.get("testResults", []):
        file = relative(Path(suite["name"]), asked)
        if suite.get("status") == "failed" and not suite["assertionResults"]:
            message = str(suite.get("message") or "the file could not be run")
            yield Case("unit", subject.name, Path(file).name, "error", 0, _first(message), message, file)
        for test in suite["assertionResults"]:
            if asked.tags and not {*asked.tags} & {*test.get("tags", [])}:
                continue
            detail = "\n".join(test.get("failureMessages") or [])
            yield Case(
                "unit",
                subject.name,
                " > ".join([*test.get("ancestorTitles", []), test["title"]]),
                _STATUSES.get(test["status"], "skipped"),
                (test.get("duration") or 0) / 1000,
                _first(detail),
                detail,
                file,
                (test.get("location") or {}).get("line") or 0,
            )


def _coverage(report: Path) -> Coverage | None:
    if not report.is_file():
        return None
    lines = json.loads(report.read_text(encoding="utf-8"))["total"]["lines"]
    return Coverage(lines["covered"], lines["total"])


def _script(subject: Subject, asked: Asked, env: dict[str, str]) -> Tested:
    """The project's own script, which says only whether it succeeded."""
    manifest = json.loads((subject.folder / "package.json").read_text(encoding="utf-8"))
    if "test" not in manifest.get("scripts", {}):
        return Tested([])
    done = run_program(asked, ["npm", "test", "--silent"], cwd=subject.folder, env=env)
    status: Status = "failed" if done.code else "passed"
    message = done.last_line if done.code else ""
    return Tested(
        [Case("unit", subject.name, "npm test", status, 0, message, tail(done) if done.code else "")]
    )


def _first(text: str) -> str:
    return text.splitlines()[0] if text else ""
