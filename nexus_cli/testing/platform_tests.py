"""The workspace's own `tests/` folder: pytest with nexus's fixtures, in an environment pinned by a lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from nexus_cli.engine import python_project
from nexus_cli.errors import NexusError
from nexus_cli.testing import junit
from nexus_cli.testing.case import BAD, Case, Tell
from nexus_cli.testing.programs import broke, environment, fresh, run_program, tail
from nexus_cli.testing.retry import retried
from nexus_cli.testing.run import Asked
from nexus_cli.unit import PythonProject
from nexus_cli.workspace import write_atomic

_HERE = Path(__file__).resolve().parent
_LOCKS = _HERE / "locks"
_NO_TESTS, _STOPPED = 5, 2


def run_folder(
    asked: Asked,
    kind: str,
    folder: Path,
    variables: Mapping[str, str],
    tell: Tell,
    *more: str,
    home: PythonProject | None = None,
) -> None:
    """Run the tests of a folder and tell each.

    `more` are further words for pytest, `home` is another environment than that of most tests.
    """
    made = home or project(asked)
    some = False
    for case in retried(
        asked.retries, lambda failed: _run(asked, kind, folder, variables, more, failed, made)
    ):
        some = True
        tell(case)
    if not some:
        tell(Case(kind, "platform", "tests", "not run", message="no test has such a mark"))


def project(asked: Asked, name: str = "platform") -> PythonProject:
    """The environment of the workspace's tests: by `tests/requirements.lock`, else by nexus's lock `name`."""
    own = asked.workspace.root / "tests" / "requirements.lock"
    home = asked.workspace.state / "tests" / "environments" / name
    folder = asked.workspace.root / "tests"
    return PythonProject(folder, str(own if own.is_file() else _LOCKS / f"{name}.lock"), (), home / "venv")


def _run(
    asked: Asked,
    kind: str,
    folder: Path,
    variables: Mapping[str, str],
    more: Collection[str],
    only: Collection[Case],
    pytest: PythonProject,
) -> list[Case]:
    python_project.build(pytest, asked.progress)
    results = asked.folder(kind)
    xml = fresh(results / "junit.xml")
    chosen = [f"{case.file}::{case.name}" for case in only if case.file]
    own = {**python_project.variables(pytest), **variables, "PYTHONPATH": str(_HERE / "plugin")}
    done = run_program(
        asked,
        [
            str(python_project.environment(pytest) / "bin" / "python"),
            *("-m", "pytest", "--color=no", "-v", "-p", "no:cacheprovider", "-p", "nexus_pytest"),
            *("-o", "junit_family=xunit1", f"--junitxml={xml}", f"--rootdir={asked.workspace.root}"),
            *(["-m", " or ".join(asked.tags)] if asked.tags else []),
            *(["-x"] if asked.fail_fast else []),
            *more,
            *(chosen or [str(folder)]),
        ],
        cwd=asked.workspace.root,
        env=environment(python_project.programs(pytest), own),
    )
    write_atomic(results / "output.txt", done.out + done.err)
    if done.code == _NO_TESTS:
        return []
    if not xml.is_file():
        raise broke("pytest", done)
    cases = [replace(case, subject=_subject(case)) for case in junit.read(xml, kind, "platform", "")]
    if done.code > _STOPPED or (done.code and not any(case.status in BAD for case in cases)):
        raise NexusError(f"pytest ended with exit code {done.code}: {done.last_line}", hint=tail(done))
    return cases


def _subject(case: Case) -> str:
    """The file of the test, which says what it is about: `order` of tests/integration/test_order.py."""
    stem = Path(case.file).stem
    return stem.removeprefix("test_").removesuffix("_test") or "platform"
