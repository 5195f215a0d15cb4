"""Which images a platform is made of, after its `images` map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Component, Platform

BASE_IMAGES: Mapping[str, str] = {
    "python": "python:3.13-slim",
    "node": "node:24-slim",
    "go": "golang:1.26-trixie",
    "static": "gcr.io/distroless/static-debian13:nonroot",
}
"""What services are built on unless the platform says otherwise; build arguments are named `PYTHON_IMAGE`."""


def base_images(platform: Platform) -> dict[str, str]:
    """The image of each base, by the base's name."""
    chosen = platform.spec.images
    return {name: chosen.get(name, chosen.get(image, image)) for name, image in BASE_IMAGES.items()}


def component_image(platform: Platform, component: Component) -> str | None:
    """The image of a component: what the map says of its name or of its own image, else its own."""
    if component.image is None:
        return platform.spec.images.get(component.name)
    chosen = platform.spec.images
    return chosen.get(component.name, chosen.get(component.image, component.image))
