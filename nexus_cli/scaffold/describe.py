"""Descriptions that nexus writes for people to go on with: a first blueprint of a service or package."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from nexus_cli.blueprint.load import CATALOGUE, catalogue_components, did_you_mean
from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.blueprint.scalars import NAME_PATTERN
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.service import plural

FIRST_PORT = 3001
NAME_LENGTH = 40
TEXT_LENGTH = 200
DEFAULT_USES = ("postgres",)
_RESERVED = {"nexus", "gateway", "platform", "localhost"}
_EXAMPLE = "item"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks of a new service; what is left open is chosen."""

    name: str
    type: str
    uses: Sequence[str] = DEFAULT_USES
    port: int | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A new service as text, the platform as it will be with it, and what `include` then needs."""

    text: str
    platform: Platform
    includes: tuple[str, ...]


def check_name(name: str, what: str) -> None:
    """Refuse a name that cannot be one, and offer the nearest that can."""
    if re.fullmatch(NAME_PATTERN, name) and len(name) <= NAME_LENGTH:
        return
    better = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    better = re.sub(r"[^a-z0-9]+", "-", better).strip("-0123456789")[:NAME_LENGTH].rstrip("-")
    hint = f'did you mean "{better}"? ' if better else ""
    raise UsageError(
        f"{name!r} cannot be the name of a {what}",
        hint=f"{hint}lower-case letters, digits and single hyphens, at most {NAME_LENGTH}, a letter first",
    )


def check_text(text: str, option: str) -> None:
    """Refuse what does not fit on one readable line."""
    if not text.isprintable() or len(text) > TEXT_LENGTH or text != text.strip():
        raise UsageError(
            f"{option} must be one line of at most {TEXT_LENGTH} printable characters, got {text!r}"
        )


def check_service_name(name: str, platform: Platform) -> None:
    """Refuse a service's name that something else has, or could be mistaken for."""
    check_name(name, "service")
    if name in _RESERVED:
        raise UsageError(f'"{name}" is reserved', hint="choose another name")
    if name in platform.packages:
        raise UsageError(f'"{name}" is the name of a package', hint=f'choose another: "{name}-service"?')
    components = {**catalogue_components(), **platform.components}
    for component in components.values():
        if name == component.name or name in component.aliases:
            called = "" if name == component.name else f" (an alias of {component.name})"
            raise UsageError(
                f'"{name}" is the name of a component{called}', hint=f'choose another: "{name}-service"?'
            )


def default_uses(platform: Platform, kind: str) -> tuple[str, ...]:
    """What a new service uses unless a person says otherwise: a database, or all that it can show."""
    if keeps_models(kind):
        return DEFAULT_USES
    return tuple(service.name for service in platform.services.values() if service.resources)


def keeps_models(kind: str) -> bool:
    """Whether services of a type have resources, events and connections of their own."""
    return kind not in SERVICE_TYPES or SERVICE_TYPES[kind].models


def draft_service(platform: Platform, wanted: Wanted) -> Draft:
    """A first description of a service: a free port, a route, what it uses, an example resource."""
    check_text(wanted.title, "--title")
    includes, added = _resolve(platform, wanted)
    text = _service_text(platform, wanted, {**platform.components, **added})
    data = _laid_under(platform.spec.defaults.service, yaml.safe_load(text))
    service = Service.model_validate(data)
    services = dict(sorted({**platform.services, service.name: service}.items()))
    whole = replace(platform, services=services, components={**platform.components, **added})
    return Draft(text, whole, tuple(includes))


def _resolve(platform: Platform, wanted: Wanted) -> tuple[list[str], dict[str, Component]]:
    """What the catalogue must supply, checked: a name that nobody knows is refused."""
    includes, added = supply(platform, wanted.uses)
    known = {*platform.services, *platform.components, *catalogue_aliases()}
    for use in wanted.uses:
        if use == wanted.name:
            raise UsageError(f'"{use}" cannot use itself')
        if platform.resolve(use) is None and use not in known:
            hint = did_you_mean(use, known) or f"there are: {', '.join(sorted(known))}; or --uses none"
            raise UsageError(f'unknown dependency "{use}"', hint=hint)
    return includes, added


def supply(platform: Platform, uses: Sequence[str]) -> tuple[list[str], dict[str, Component]]:
    """What the catalogue can supply of the uses that the platform lacks: includes, and the components."""
    lacking = [use for use in uses if platform.resolve(use) is None]
    if not lacking:
        return [], {}
    catalogue, names = catalogue_components(), catalogue_aliases()
    added = {names[use]: catalogue[names[use]] for use in lacking if use in names}
    return [f"{CATALOGUE}{name}" for name in added], added


def catalogue_aliases() -> dict[str, str]:
    """The catalogue's component that each name or alias stands for."""
    catalogue = catalogue_components()
    names = {alias: name for name, component in catalogue.items() for alias in component.aliases}
    return names | {name: name for name in catalogue}


def _service_text(platform: Platform, wanted: Wanted, components: Mapping[str, Component]) -> str:
    port = _port(platform, wanted, components)
    aliases = {alias: name for name, component in components.items() for alias in component.aliases}
    provided = {
        variable
        for use in wanted.uses
        if (component := components.get(aliases.get(use, use))) is not None
        for variable in component.provides
    }
    lines = ["nexus: v1", "kind: service", f"name: {wanted.name}"]
    lines += [f"title: {scalar(wanted.title)}"] if wanted.title else []
    lines += [f"type: {wanted.type}", f"port: {port}"]
    lines += [f"uses: [{', '.join(wanted.uses)}]"] if wanted.uses else []
    if not keeps_models(wanted.type):
        lines += ['env: {GATEWAY_URL: "${gateway.url}"}'] if "gateway" in components else []
        return "\n".join(lines) + "\n"
    base = f"/api/v1/{plural(_EXAMPLE)}" if "DATABASE_URL" in provided else f"/api/v1/{wanted.name}"
    if _taken(platform, base):
        lines += ["routes:", f"  - {{path: /api/v1/{wanted.name}, rewrite: /api/v1, auth: jwt}}"]
    else:
        lines += ["routes:", f"  - {{path: {base}, auth: jwt}}"]
    if "DATABASE_URL" in provided:
        lines += ["resources:", f"  {_EXAMPLE}:", "    fields: {name: string, description: text optional}"]
    return "\n".join(lines) + "\n"


def component_text(name: str, image: str, ports: Mapping[str, str]) -> str:
    """A description of a component that runs an image and is ready when its first port answers."""
    lines = ["nexus: v1", "kind: component", f"name: {name}", f"image: {scalar(image)}"]
    if ports:
        listed = ", ".join(f"{scalar(port)}: {number}" for port, number in ports.items())
        lines += [f"ports: {{{listed}}}", f"health: {{tcp: {scalar(next(iter(ports)))}}}"]
    return "\n".join(lines) + "\n"


def ports_of(unit: Service | Component) -> set[int]:
    """The ports that a unit listens on."""
    return {unit.port} if isinstance(unit, Service) else set(unit.ports.values())


def _taken(platform: Platform, path: str) -> bool:
    paths = [route.path.rstrip("/") for service in platform.services.values() for route in service.routes]
    return any(f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in paths)


def _port(platform: Platform, wanted: Wanted, components: Mapping[str, Component]) -> int:
    """The wanted port, or the first that no service and no component of platform and catalogue has."""
    taken = {service.port: name for name, service in platform.services.items()}
    for name, component in {**catalogue_components(), **components}.items():
        if wanted.port is None or name in components:
            taken.update(dict.fromkeys(component.ports.values(), name))
    free = next(port for port in range(FIRST_PORT, 65536) if port not in taken)
    if wanted.port in taken:
        raise UsageError(f"port {wanted.port} is taken by {taken[wanted.port]}", hint=f"{free} is free")
    return wanted.port or free


def _laid_under(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = (
            _laid_under(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged


def package_text(
    name: str,
    kind: str,
    language: str,
    scope: str | None,
    title: str,
    *,
    client_of: str = "",
    users: Sequence[str] = (),
) -> str:
    """A first description of a package."""
    lines = ["nexus: v1", "kind: package", f"name: {name}"]
    lines += [f"title: {scalar(title)}"] if title else []
    lines += [f"type: {kind}", f"language: {language}"]
    lines += [f"scope: {scope}"] if scope else []
    lines += [f"client_of: {client_of}"] if client_of else []
    lines += [f"users: [{', '.join(users)}]"] if users else []
    return "\n".join(lines) + "\n"


def scalar(text: str) -> str:
    """A printable text as a YAML scalar that reads back as exactly this text."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9 ,.()/-]*", text) and yaml.safe_load(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)
