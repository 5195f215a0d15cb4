"""Virtual environments of services: as their lock says, the old or the new one, never half of one."""

from __future__ import annotations

import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from nexus_cli.engine import python_project
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.engine.python_project import STAMP
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.unit import PythonProject, Unit
from tests.support.engine_units import exited, printed, until

IDNA = (
    "idna==3.10 --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\n# a comment\n"
)


@pytest.fixture
def project(tmp_path: Path) -> PythonProject:
    """A service with a package in src and one locked dependency."""
    folder = tmp_path / "payment"
    (folder / "src" / "payment").mkdir(parents=True)
    (folder / "src" / "payment" / "__init__.py").write_text(
        "import idna\nprint('payment with', idna.__name__)\n"
    )
    (folder / "requirements.lock").write_text(IDNA)
    return PythonProject(folder)


def lines(project: PythonProject) -> list[str]:
    """What building says."""
    said: list[str] = []
    python_project.build(project, said.append)
    return said


def inode(project: PythonProject) -> int:
    return python_project.environment(project).stat().st_ino


def job(project: PythonProject, *command: str) -> Unit:
    return Unit("job", "job", command, "", cwd=project.folder, runtime=project)


def test_a_service_runs_in_its_own_environment(engine: ProcessEngine, project: PythonProject) -> None:
    unit = job(project, "python", "-c", "import payment, sys; print(sys.prefix)")
    assert not engine.prepared(unit)
    said: list[str] = []
    engine.prepare(unit, said.append)
    assert engine.prepared(unit)
    assert said[0] == f"building {project.folder / '.venv'}"
    engine.start(unit)
    until(engine, "job", exited)
    assert printed(engine, "job") == ["payment with idna", str(project.folder / ".venv")]
    assert list((project.folder / ".venv").rglob("idna/__pycache__/core*.pyc"))
    assert engine.execute(unit, ["python", "-c", "import payment, sys; sys.exit(3)"]) == 3


def test_it_is_built_when_its_lock_changed_and_only_then(project: PythonProject) -> None:
    assert not python_project.built(project)
    assert lines(project)
    first = inode(project)
    assert python_project.built(project)
    assert lines(project) == []
    assert inode(project) == first
    (project.folder / project.lock).write_text("# nothing needed any more\n")
    assert not python_project.built(project)
    assert lines(project)
    assert inode(project) != first
    assert not list(python_project.environment(project).rglob("idna"))
    assert sorted(path.name for path in project.folder.iterdir()) == [".venv", "requirements.lock", "src"]


KILLED_HALF_WAY = (
    "import os, shutil, signal\n"
    "copy = shutil.copytree\n"
    "def half(source, target, *more, **named):\n"
    "    made = copy(source, target, *more, **named)\n"
    "    if str(target).endswith('.venv.new'): os.kill(os.getpid(), signal.SIGKILL)\n"
    "    return made\n"
    "shutil.copytree = half\n"
)


def build_in_another_process(project: PythonProject, before: str = "") -> subprocess.Popen[str]:
    code = (
        f"{before}from pathlib import Path\n"
        "from nexus_cli.engine import python_project\n"
        "from nexus_cli.unit import PythonProject\n"
        f"python_project.build(PythonProject(Path({str(project.folder)!r})), print)"
    )
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize("before", ["nothing", "old"])
def test_a_kill_leaves_the_old_one_or_the_new_one(project: PythonProject, before: str) -> None:
    if before == "old":
        lines(project)
        (project.folder / project.lock).write_text("# changed\n" + IDNA)
    with build_in_another_process(project, KILLED_HALF_WAY) as building:
        assert building.wait() == -signal.SIGKILL
    assert (project.folder / ".venv.new" / "bin").exists()
    assert (python_project.environment(project) / STAMP).exists() == (before == "old")
    assert not python_project.built(project)
    lines(project)
    assert python_project.built(project)
    assert not (project.folder / ".venv.new").exists()


def test_projects_with_the_same_lock_share_what_it_names(project: PythonProject, tmp_path: Path) -> None:
    other = PythonProject(tmp_path / "order")
    (other.folder / "src").mkdir(parents=True)
    (other.folder / "requirements.lock").write_text(IDNA)
    places = []
    for each in (project, other):
        lines(each)
        places.append(next(python_project.environment(each).glob("lib/*/site-packages/idna/core.py")))
    assert places[0].stat().st_ino == places[1].stat().st_ino
    assert list(places[0].parent.glob("__pycache__/core.*.pyc"))
    places[0].unlink()
    assert places[1].exists()


def test_what_another_lock_names_too_is_compiled_once(
    project: PythonProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_TOOLS", str(tmp_path / "tools"))  # of which no earlier run has built any
    other = PythonProject(tmp_path / "order")
    other.folder.mkdir()
    for each, lock in ((project, IDNA), (other, f"# of another project\n{IDNA}")):
        (each.folder / each.lock).write_text(lock)
        lines(each)
    compiled = [
        next(python_project.environment(each).rglob("idna/__pycache__/core*.pyc")).stat()
        for each in (project, other)
    ]
    assert compiled[0].st_ino == compiled[1].st_ino
    python = python_project.environment(other) / "bin" / "python"
    done = subprocess.run([python, "-vc", "import idna.core"], capture_output=True, text=True, check=True)
    assert ".pyc matches" in next(line for line in done.stderr.splitlines() if "idna/core.py" in line)


def test_two_builds_at_once(project: PythonProject) -> None:
    commands = [build_in_another_process(project) for _ in range(2)]
    said = [command.communicate()[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0]
    assert sum("building" in text for text in said) == 1


def test_an_environment_of_a_person_is_used_as_it_is(project: PythonProject) -> None:
    venv.create(python_project.environment(project), symlinks=True)
    assert python_project.built(project)
    said = lines(project)
    assert "was not made by nexus and is used as it is" in said[0]
    assert not (python_project.environment(project) / STAMP).exists()


def test_a_folder_of_a_person_is_not_removed(project: PythonProject) -> None:
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "precious").touch()
    with pytest.raises(NexusError, match="was not made by nexus"):
        lines(project)
    assert (project.folder / ".venv" / "precious").exists()


def test_without_a_lock(project: PythonProject) -> None:
    (project.folder / project.lock).unlink()
    with pytest.raises(UsageError, match=r"requirements\.lock: No such file"):
        lines(project)


def test_an_unpinned_requirement_is_refused(project: PythonProject) -> None:
    (project.folder / project.lock).write_text("idna==3.10\n")
    with pytest.raises(NexusError, match=r"requirements\.lock could not be installed: .*hash"):
        lines(project)
    assert not python_project.environment(project).exists()
