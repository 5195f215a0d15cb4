"""Images without a registry: a platform's own map of them, and what the commands say of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nexus_cli.engine.docker.client import connect
from nexus_cli.engine.docker.context import pack
from nexus_cli.engine.docker.images import build_image
from tests.conftest import Run

Tiny = Callable[..., None]


@pytest.fixture
def mirror(docker_engine: str) -> Iterator[Callable[[str], str]]:
    """Makes an image known by another name, told from the original by a variable of its own."""
    client, made = connect(docker_engine), []

    def copy(original: str) -> str:
        name = f"nexus-test-{secrets.token_hex(4)}/mirrored:1"
        context = pack([("Dockerfile", f"FROM {original}\nENV MIRROR={name}\n")])
        build_image(client, context, name, progress=lambda _: None)
        made.append(name)
        return name

    yield copy
    for name in made:
        client.api.remove_image(name, force=True)
    client.close()


def test_bases_and_components_are_taken_from_where_the_map_says(
    workspace: Path, tiny: Tiny, nexus: Run, mirror: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_ENGINE", "docker")
    python, valkey = mirror("python:3.13-slim"), mirror("valkey/valkey:9.1")
    described = {
        "nexus": "v1",
        "kind": "platform",
        "name": "shop",
        "include": ["blueprints/**/*.yaml", "catalogue:redis"],
        "images": {"python": python, "redis": valkey},
    }
    (workspace / "nexus.yaml").write_text(json.dumps(described))
    tiny("order", uses=["redis"])
    listed = {image["name"]: image for image in json.loads(nexus("images", "list", "-o", "json").stdout)}
    assert {name: (image["image"], image["for"]) for name, image in listed.items()} == {
        "python": (python, ["order"]),
        "redis": (valkey, ["redis"]),
    }
    assert all(image["size"] > 0 for image in listed.values())
    done = nexus("up", "--free-ports")
    assert done.returncode == 0, done.stderr
    code = "import os; print(os.environ['MIRROR'])"
    assert nexus("exec", "order", "python", "-c", code).stdout == f"{python}\n"
    assert nexus("exec", "redis", "sh", "-c", "echo $MIRROR").stdout == f"{valkey}\n"


def test_images_are_carried_to_another_engine_in_one_file(
    workspace: Path, tiny: Tiny, nexus: Run, mirror: Callable[[str], str], tmp_path: Path, docker_engine: str
) -> None:
    valkey = mirror("valkey/valkey:9.1")
    described = {"name": "shop", "include": ["catalogue:redis"], "images": {"redis": valkey}}
    platform = json.dumps({"nexus": "v1", "kind": "platform", **described})
    (workspace / "nexus.yaml").write_text(platform)
    archive = tmp_path / "images.tar.gz"
    saved = nexus("images", "save", str(archive))
    assert saved.returncode == 0, saved.stderr
    assert archive.read_bytes()[:2] == b"\x1f\x8b"
    client = connect(docker_engine)
    client.api.remove_image(valkey, force=True)
    (listed,) = json.loads(nexus("images", "list", "-o", "json").stdout)
    assert (listed["image"], listed["origin"]) == (valkey, "missing")
    missing = nexus("images", "save", str(tmp_path / "again.tar"))
    assert missing.returncode == 1
    assert valkey in missing.stderr
    assert not (tmp_path / "again.tar").exists()
    loaded = nexus("images", "load", str(archive))
    assert loaded.returncode == 0, loaded.stderr
    assert valkey in loaded.stdout + loaded.stderr
    (listed,) = json.loads(nexus("images", "list", "-o", "json").stdout)
    assert listed["size"] > 0
    client.close()
