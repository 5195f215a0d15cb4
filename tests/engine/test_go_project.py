"""Programs of Go services: as their sources say, the old or the new ones, never half of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nexus_cli.engine import go_project, tools
from nexus_cli.engine.go_project import STAMP
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.unit import GoProject, Unit
from tests.support.engine_units import eventually, exited, printed, until

MAIN = """\
package main

import (
	"fmt"

	"shop.internal/payment/internal/words"
)

func main() { fmt.Println(words.Hello) }
"""
WORDS = "package words\n\n// Hello is said.\nconst Hello = %s\n"
SLOW = 'package words\n\nimport _ "net/http"\n\n// Hello is said.\nconst Hello = "slow"\n'


def say(project: GoProject, text: str) -> None:
    (project.folder / "internal" / "words" / "words.go").write_text(WORDS % f'"{text}"')


@pytest.fixture
def project(tmp_path: Path) -> GoProject:
    """A service with a package of its own and no module of others."""
    folder = tmp_path / "payment"
    for name in ("cmd/payment", "internal/words"):
        (folder / name).mkdir(parents=True)
    (folder / "go.mod").write_text("module shop.internal/payment\n\ngo 1.26.0\n")
    (folder / "go.sum").write_text("")
    (folder / "cmd" / "payment" / "main.go").write_text(MAIN)
    made = GoProject(folder)
    say(made, "hello")
    return made


def lines(project: GoProject) -> list[str]:
    """What building says."""
    said: list[str] = []
    go_project.build(project, said.append)
    return said


def spoken(project: GoProject) -> str:
    return subprocess.run(
        [go_project.binaries(project) / "payment"], capture_output=True, text=True, check=True
    ).stdout


def test_a_service_runs_as_its_own_program(engine: ProcessEngine, project: GoProject) -> None:
    unit = Unit("job", "job", ("payment",), "", cwd=project.folder, runtime=project)
    assert not engine.prepared(unit)
    said: list[str] = []
    engine.prepare(unit, said.append)
    assert said[0] == f"building {project.folder / '.build'}"
    assert engine.prepared(unit)
    engine.start(unit)
    until(engine, "job", exited)
    assert printed(engine, "job") == ["hello"]


def test_it_is_built_when_its_sources_changed_and_only_then(project: GoProject) -> None:
    assert not go_project.built(project)
    assert lines(project)
    assert lines(project) == []
    (project.folder / "internal" / "words" / "words_test.go").write_text("package words\n")
    assert go_project.built(project)
    say(project, "good-bye")
    assert not go_project.built(project)
    assert spoken(project) == "hello\n"
    assert lines(project)
    assert spoken(project) == "good-bye\n"
    assert not (project.folder / ".build.new").exists()


def test_what_cannot_be_built_leaves_the_old_one(project: GoProject) -> None:
    lines(project)
    words = project.folder / "internal" / "words" / "words.go"
    words.write_text("package words\n\nconst Hello = unknown\n")
    with pytest.raises(NexusError, match=r"words\.go:3:15: undefined: unknown"):
        lines(project)
    assert spoken(project) == "hello\n"
    assert not go_project.built(project)


def test_a_module_that_is_not_locked_is_refused(project: GoProject) -> None:
    words = project.folder / "internal" / "words" / "words.go"
    words.write_text(words.read_text().replace("words\n", 'words\n\nimport _ "example.com/other"\n', 1))
    with pytest.raises(NexusError, match=r"words\.go:3:8: .*example\.com/other"):
        lines(project)


def build_in_another_process(project: GoProject, **environment: str) -> subprocess.Popen[str]:
    code = (
        "from pathlib import Path\n"
        "from nexus_cli.engine import go_project\n"
        "from nexus_cli.unit import GoProject\n"
        f"go_project.build(GoProject(Path({str(project.folder)!r})), print)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_kill_leaves_the_old_one(project: GoProject, tmp_path: Path) -> None:
    lines(project)
    (project.folder / "internal" / "words" / "words.go").write_text(SLOW)
    with build_in_another_process(project, GOCACHE=str(tmp_path / "empty")) as building:
        eventually((project.folder / ".build.new").exists)
        os.killpg(building.pid, signal.SIGKILL)
    assert spoken(project) == "hello\n"
    assert not go_project.built(project)
    lines(project)
    assert spoken(project) == "slow\n"
    assert not (project.folder / ".build.new").exists()


def test_two_builds_at_once(project: GoProject) -> None:
    commands = [build_in_another_process(project) for _ in range(2)]
    said = [command.communicate()[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0]
    assert sum("building" in text for text in said) == 1


def test_a_folder_of_a_person_is_left_alone(project: GoProject) -> None:
    own = go_project.binaries(project)
    own.mkdir()
    (own / "notes").write_text("mine")
    assert not go_project.built(project)
    with pytest.raises(NexusError, match="was not made by nexus"):
        lines(project)
    assert [path.name for path in own.iterdir()] == ["notes"]


def test_without_a_lock_it_says_what_to_do(project: GoProject) -> None:
    (project.folder / "go.sum").unlink()
    with pytest.raises(UsageError, match=r"cannot read .*go\.sum"):
        lines(project)


def pretend(folder: Path, version: str) -> None:
    """Put a program named go in front of all others that says it is of a version."""
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\necho {version}\n")
    (folder / "go").chmod(0o755)


@pytest.mark.parametrize(
    ("version", "enough"), [("go1.25.9", False), ("go1.26rc1", False), ("go1.26.0", True), ("go1.30.1", True)]
)
def test_the_machines_go_is_used_if_it_is_new_enough(
    project: GoProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, enough: bool
) -> None:
    pretend(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("NEXUS_TOOLS", str(tmp_path / "tools"))
    own = tools.programs(tools.TOOLCHAINS["go"]) / "go"
    if not enough:
        own.parent.mkdir(parents=True)  # as if it were installed
    assert go_project.compiler(project, print) == (tmp_path / "bin" / "go" if enough else own)


def test_the_stamp_is_beside_the_programs(project: GoProject) -> None:
    lines(project)
    assert sorted(path.name for path in go_project.binaries(project).iterdir()) == [STAMP, "payment"]
