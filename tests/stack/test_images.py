"""Which images a platform needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nexus_cli.blueprint.images import BASE_IMAGES
from nexus_cli.blueprint.load import load
from nexus_cli.errors import UsageError
from nexus_cli.stack.engines import Choice, docker_of, keep
from nexus_cli.stack.images import bundled, needed
from nexus_cli.workspace import find
from tests.conftest import service


def test_a_service_needs_every_base_of_its_type(workspace: Path, write: Callable[[str, str], Path]) -> None:
    write("order", service("order", 4001, type="go"))
    write("catalog", service("catalog", 4002, type="fastapi"))
    bases = {image.name: image for image in needed(load(workspace)) if image.name in BASE_IMAGES}
    assert {name: image.by for name, image in bases.items()} == {
        "go": ("order",),
        "python": ("catalog",),
        "static": ("order",),
    }
    assert bases["static"].reference == BASE_IMAGES["static"]


def test_every_base_can_be_made_without_a_registry() -> None:
    assert all(image.recipe for image in bundled(list(BASE_IMAGES)))


def test_images_go_to_the_engine_of_the_environment(
    workspace: Path, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///here.sock")
    write("staging", "nexus: v1\nkind: environment\nname: staging\ntarget: {docker: 'tcp://staging:2376'}\n")
    found = find(workspace)
    assert docker_of(None, "development") == "unix:///here.sock"
    assert docker_of(found, "development") == "unix:///here.sock"
    assert docker_of(found, "staging") == "tcp://staging:2376"
    keep(found.environment_state("development"), Choice("docker", "unix:///there.sock", "p"))
    assert docker_of(found, "development") == "unix:///there.sock"
    with pytest.raises(UsageError, match='unknown environment "stagin"') as caught:
        docker_of(found, "stagin")
    assert caught.value.hint == 'did you mean "staging"?'
