"""Which engine an environment runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.stack import engines

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
