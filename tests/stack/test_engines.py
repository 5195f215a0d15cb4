"""Which engine an environment runs on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.engine.docker.engine import DockerEngine
from nexus_cli.engine.docker.local import LocalClient
from nexus_cli.stack import engines
from nexus_cli.workspace import Workspace

FAR = "nexus: v1\nkind: environment\nname: production\ntarget: {{docker: tcp://shop:2376, certificates: {}}}"
TARGETS = {"process": "{process: true}", "docker": "{docker: ssh://shop.example}"}


@pytest.mark.parametrize("name", engines.NAMES)
def test_no_shell_moves_an_environment_that_says_where_it_is(
    name: str, workspace: Path, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("staging", f"nexus: v1\nkind: environment\nname: staging\ntarget: {TARGETS[name]}\n")
    monkeypatch.setenv(engines.VARIABLE, next(other for other in engines.NAMES if other != name))
    platform, folder = load(workspace), workspace / ".nexus" / "staging"
    assert engines.choose(folder, platform, "staging").engine == name
    other = next(other for other in engines.NAMES if other != name)
    assert engines.choose(folder, platform, "staging", other).engine == other


def test_certificates_may_move_while_the_environment_is_up(workspace: Path, write) -> None:
    folder = workspace / ".nexus" / "production"
    folder.mkdir(parents=True)
    write("production", FAR.format("/keys/old"))
    engines.keep(folder, engines.choose(folder, load(workspace), "production"))
    write("production", FAR.format("~/new keys"))
    found = engines.choose(folder, load(workspace), "production")
    assert (found.where, found.why) == ("tcp://shop:2376?certificates=~/new%20keys", "in use")
    assert str(found) == "Docker at tcp://shop:2376"
    assert found.far
    assert engines.docker_of(Workspace(workspace), "production") == found.where
    engines.keep(folder, found)
    kept = engines.in_use(folder)
    assert kept == found  # by which it is also taken down


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Have Docker's CLI know a context by this name, whose engine is there."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")

    def context(name: str, host: str) -> None:
        folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        folder.mkdir(parents=True)
        said = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}
        (folder / "meta.json").write_text(json.dumps(said))

    return context


@pytest.mark.parametrize(
    ("where", "far"),
    [
        ("unix:///run/docker.sock", False),
        ("context://desktop", False),
        ("context://elsewhere", True),
        ("ssh://127.0.0.1", True),  # whatever its tunnel leads to
        ("tcp://127.0.0.1:2375", True),
    ],
)
def test_an_engine_behind_a_local_socket_is_not_far(
    where: str, far: bool, tmp_path: Path, contexts: Callable[[str, str], None]
) -> None:
    contexts("desktop", "unix:///home/me/docker.sock")
    contexts("elsewhere", "ssh://shop.example")
    choice = engines.Choice("docker", where, "shop")
    assert choice.far is far
    engine = engines.engine(choice, tmp_path, "shop/local")
    assert isinstance(engine, DockerEngine)
    assert engine.far is far


def test_a_context_of_a_local_socket_is_asked_there(
    docker_engine: str, tmp_path: Path, contexts: Callable[[str, str], None]
) -> None:
    contexts("desktop", docker_engine)
    engine = DockerEngine(tmp_path, "nobody-s", where="context://desktop")
    assert isinstance(engine.client, LocalClient)
    assert engine.observe() == []
