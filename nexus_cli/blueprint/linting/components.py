"""What a component is: how it runs, and how one knows that it is ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus_cli.blueprint.linting.rule import Fault, Rule
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Platform


def _image_unpinned(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        if component.image and "@" not in component.image:
            tag = component.image.rsplit("/", 1)[-1].partition(":")[2]
            if tag in {"", "latest"}:
                yield (
                    "component",
                    component.name,
                    ["image"],
                    f"image {component.image} has no pinned tag",
                    None,
                )


def _no_health(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        if component.health is None:
            yield "component", component.name, [], f'component "{component.name}" has no health check', None


def _health_port(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        for key in ("tcp", "port"):
            name = getattr(component.health, key, None)
            if name is not None and name not in component.ports:
                hint = did_you_mean(name, component.ports)
                yield "component", component.name, ["health", key], f'there is no port "{name}"', hint


def _nowhere_to_run(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        if component.image is None and component.build is None and component.embedded is None:
            yield "component", component.name, [], "has no image, no build and no embedded form", None


RULES: Mapping[str, Rule] = {
    "image-unpinned": Rule(
        "warning",
        "an image without a pinned tag changes under you",
        "pin a version, such as postgres:18.1",
        _image_unpinned,
    ),
    "no-health": Rule(
        "warning",
        "without a health check nobody knows when it is ready",
        "add health: {tcp: PORT-NAME}",
        _no_health,
    ),
    "health-port": Rule(
        "error", "a health check asks a named port", "name one of the component's ports", _health_port
    ),
    "nowhere-to-run": Rule(
        "error", "a component needs an image or an embedded form", "add image or embedded", _nowhere_to_run
    ),
}
