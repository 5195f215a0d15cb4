"""`generate component`: one more component, from the catalogue or as a blueprint of the workspace's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.writer import recover

from nexus_cli.blueprint.load import component_of, did_you_mean, load
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.source import Source
from nexus_cli.errors import UsageError
from nexus_cli.scaffold import describe
from nexus_cli.scaffold.app import include, is_included
from nexus_cli.scaffold.outcome import Choice, Outcome, lay_down


def add_component(
    root: Path, name: str, choice: Choice, *, image: str = "", ports: Mapping[str, str] | None = None
) -> Outcome:
    """Include a component of the catalogue, or describe one that runs `image`."""
    recover(root)
    platform = load(root)
    present = platform.resolve(name)
    if present is not None:
        kind = "component" if present.name in platform.components else "service"
        where = platform.sources[kind, present.name].at(["name"])
        raise UsageError(f'{where}: there is a {kind} "{present.name}" already', hint="change it there")
    if image:
        files, base = _own(root, platform, name, image, ports or {})
    else:
        files, base = _catalogues(root, platform, name, ports or {})
    changes = lay_down(files, root, base, choice)
    step = f"add {name} to `uses` of the services that need it"
    return Outcome(root, changes, choice.dry_run, (), (step,))


def _catalogues(
    root: Path, platform: Platform, name: str, ports: Mapping[str, str]
) -> tuple[dict[str, File], dict[str, str]]:
    if ports:
        raise UsageError("--port belongs to a component of your own", hint="give its --image too")
    includes, added = describe.supply(platform, [name])
    if not added:
        known = describe.catalogue_aliases()
        hint = did_you_mean(name, known) or f"there are: {', '.join(sorted(known))}; or give --image"
        raise UsageError(f'the catalogue has no component "{name}"', hint=hint)
    taken = next((component for component in added if component in platform.components), None)
    if taken:
        raise UsageError(f'there is a component "{taken}" already', hint=f"use {taken}")
    return include(root, includes)


def _own(
    root: Path, platform: Platform, name: str, image: str, ports: Mapping[str, str]
) -> tuple[dict[str, File], dict[str, str]]:
    describe.check_name(name, "component")
    path = f"blueprints/components/{name}.yaml"
    if (root / path).exists():
        raise UsageError(f"{path} exists, but nexus.yaml does not include it", hint="add it to `include`")
    written = describe.component_text(name, image, ports)
    component = component_of(Source(path, written))
    for port in component.ports.values():
        holder = next((unit.name for unit in platform.units if port in describe.ports_of(unit)), None)
        if holder:
            raise UsageError(f"port {port} is taken by {holder}", hint="choose another")
    files, base = include(root, [] if is_included(platform, path) else [path])
    return {path: text(written), **files}, base


def parse_ports(words: Sequence[str]) -> dict[str, str]:
    """Ports by name from words such as `http=8080`."""
    ports: dict[str, str] = {}
    for word in words:
        name, equals, number = word.partition("=")
        if not equals or not name or not number.isdecimal():
            raise UsageError(f"--port expects NAME=NUMBER such as http=8080, got {word!r}")
        ports[name] = number
    return ports
