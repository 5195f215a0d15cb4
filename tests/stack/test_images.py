"""Which images a platform needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nexus_cli.blueprint.images import BASE_IMAGES
from nexus_cli.blueprint.load import catalogue_components, load
from nexus_cli.engine.docker.client import connect
from nexus_cli.engine.docker.recipes import RECIPES
from nexus_cli.engine.tools import pins
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Event
from nexus_cli.resources import bundled as bundled_files
from nexus_cli.stack.engines import Choice, docker_of, keep
from nexus_cli.stack.images import bundled, have, needed
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


def test_every_component_of_the_full_platform_can_be_made_without_a_registry() -> None:
    path = bundled_files("blueprints") / "platforms" / "full.yaml"
    full = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = {line.removeprefix("catalogue:") for line in full["include"]} & catalogue_components().keys()
    images = bundled(sorted(names))
    assert {"mail", "s3", "temporal"} <= {image.name for image in images}
    assert [image.name for image in images if not image.recipe or image.wheel is None] == []


def test_what_comes_from_no_registry_is_pinned_as_its_blueprint_says() -> None:
    mail = RECIPES["mail"].texts()
    wanted = json.loads(mail["package.json"])["dependencies"]["maildev"]
    assert bundled(["mail"])[0].reference == f"maildev/maildev:{wanted}"
    pinned = json.loads(mail["package-lock.json"])["packages"]
    assert all(entry["integrity"] for path, entry in pinned.items() if path)
    sink = bundled(["bugsink"])[0]
    assert sink.recipe
    assert sink.wheel is not None
    assert sink.reference == f"bugsink/{sink.wheel.requirement.replace('==', ':')}"
    assert f"\n{sink.wheel.requirement} \\" in pins(sink.wheel).read_text()
    version = bundled(["kafka"])[0].reference.removeprefix("apache/kafka:")
    assert f"<version>{version}</version>" in RECIPES["kafka"].texts()["pom.xml"]


def test_all_images_that_are_not_to_be_had_are_told_at_once_before_anything_begins(
    workspace: Path, write: Callable[[str, str], Path], docker_engine: str
) -> None:
    write("order", service("order", 4001, type="fastapi"))
    for name in ("mail", "search"):
        write(
            name,
            f"nexus: v1\nkind: component\nname: {name}\nimage: 127.0.0.1:1/{name}:9\nports: {{tcp: 99}}\n",
        )
    events: list[Event] = []
    client, platform = connect(docker_engine), load(workspace)
    have(client, platform, {"order"}, events.append)  # its base is there: the registry is not even asked
    assert events == []
    with pytest.raises(NexusError, match="2 images are missing, so that nothing was built") as caught:
        have(client, platform, {"order", "mail", "search"}, events.append)
    assert "127.0.0.1:1/mail:9  (mail, for mail)\n  127.0.0.1:1/search:9  (search, for search)" in str(
        caught.value
    )
    hint = caught.value.hint or ""
    assert "`nexus images build mail` makes them here" in hint
    assert "bring search from a machine that reaches the registry" in hint


def test_who_wrote_the_dockerfile_says_what_it_is_made_of(
    workspace: Path, write: Callable[[str, str], Path]
) -> None:
    write("order", service("order", 4001, type="fastapi"))
    platform = load(workspace)
    folder = workspace / platform.services["order"].source
    folder.mkdir(parents=True)
    for text, names in (("FROM scratch\n", []), ("ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE}\n", ["python"])):
        (folder / "Dockerfile").write_text(text, encoding="utf-8")
        assert [image.name for image in needed(platform) if image.name in BASE_IMAGES] == names
