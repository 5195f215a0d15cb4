"""Which images a platform needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nexus_cli.blueprint.images import BASE_IMAGES
from nexus_cli.blueprint.load import load
from nexus_cli.stack.images import bundled, needed
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
