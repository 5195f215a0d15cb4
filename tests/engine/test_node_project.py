"""Packages of Node services: as their lock says, the old or the new ones, never half of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nexus_cli.engine import node_project
from nexus_cli.engine.node_project import STAMP
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.unit import NodeProject, Unit
from tests.support.engine_units import eventually, exited, printed, until

INTEGRITY = "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="
MS = {"version": "2.1.3", "integrity": INTEGRITY}


def describe(folder: Path, **dependencies: str) -> None:
    """Write package.json and a lock that holds `ms` alone, or nothing."""
    package = {"name": "payment", "version": "1.0.0", "dependencies": dependencies}
    packages = {"": package} | ({"node_modules/ms": MS} if dependencies else {})
    lock = {"name": "payment", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (folder / "package.json").write_text(json.dumps({"type": "module", **package}))
    (folder / "package-lock.json").write_text(json.dumps(lock))


@pytest.fixture
def project(tmp_path: Path) -> NodeProject:
    """A service in TypeScript with one locked dependency."""
    folder = tmp_path / "payment"
    (folder / "src").mkdir(parents=True)
    describe(folder, ms="2.1.3")
    (folder / "src" / "main.ts").write_text(
        'import ms from "ms";\nconst day: number = ms("1d");\nconsole.log(day, process.argv[2]);\n'
    )
    return NodeProject(folder)


def lines(project: NodeProject) -> list[str]:
    """What building says."""
    said: list[str] = []
    node_project.build(project, said.append)
    return said


def test_a_service_runs_with_its_own_packages(engine: ProcessEngine, project: NodeProject) -> None:
    command = ("node", "src/main.ts", "here")
    unit = Unit("job", "job", command, "", cwd=project.folder, runtime=project)
    assert not engine.prepared(unit)
    engine.prepare(unit, lambda _: None)
    assert engine.prepared(unit)
    engine.start(unit)
    until(engine, "job", exited)
    assert printed(engine, "job") == ["86400000 here"]
    assert engine.execute(unit, ["npm", "--version"]) == 0


def test_they_are_installed_when_the_lock_changed_and_only_then(project: NodeProject) -> None:
    assert not node_project.built(project)
    assert lines(project)
    first = node_project.packages(project).stat().st_ino
    assert node_project.built(project)
    assert lines(project) == []
    describe(project.folder)
    assert not node_project.built(project)
    assert lines(project)
    assert node_project.built(project)
    assert node_project.packages(project).stat().st_ino != first
    assert not (node_project.packages(project) / "ms").exists()
    left = sorted(path.name for path in project.folder.iterdir())
    assert left == ["node_modules", "package-lock.json", "package.json", "src"]


def test_a_kill_leaves_the_old_ones(project: NodeProject) -> None:
    lines(project)
    with (project.folder / "package-lock.json").open("a") as lock:
        lock.write("\n")
    code = (
        "from pathlib import Path\n"
        "from nexus_cli.engine import node_project\n"
        "from nexus_cli.unit import NodeProject\n"
        f"node_project.build(NodeProject(Path({str(project.folder)!r})), print)"
    )
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as building:
        eventually((project.folder / ".node_modules.new" / "package.json").exists)
        os.killpg(building.pid, signal.SIGKILL)
    assert (node_project.packages(project) / "ms").is_dir()
    assert not node_project.built(project)
    lines(project)
    assert node_project.built(project)
    assert not (project.folder / ".node_modules.new").exists()


def test_packages_of_a_person_are_used_as_they_are(project: NodeProject) -> None:
    node_project.packages(project).mkdir()
    assert "was not made by nexus and is used as it is" in lines(project)[-1]
    assert node_project.built(project)
    assert not (node_project.packages(project) / STAMP).exists()


def test_a_lock_that_does_not_fit_is_refused(project: NodeProject) -> None:
    package = json.loads((project.folder / "package.json").read_text())
    (project.folder / "package.json").write_text(json.dumps({**package, "dependencies": {"ms": "1.0.0"}}))
    with pytest.raises(NexusError, match=r"package-lock\.json could not be installed: .*in sync"):
        lines(project)
    assert not node_project.packages(project).exists()
    (project.folder / "package-lock.json").unlink()
    with pytest.raises(UsageError, match=r"package-lock\.json: No such file"):
        lines(project)
