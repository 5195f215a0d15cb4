"""What a service's template is told: the variables that come from its blueprint, as plain data."""

from __future__ import annotations

import os
import re
from typing import Any

from nexus_cli.blueprint.model import Component, Package, Platform, Service


def variables(platform: Platform, service: Service) -> dict[str, Any]:
    """The template's variables for a service; what the blueprint leaves empty is left to the template."""
    used = [platform.resolve(use.service) for use in service.uses]
    components = [found for found in used if isinstance(found, Component)]
    called = [found for found in used if isinstance(found, Service)]
    data = {
        "name": service.name,
        "title": service.title,
        "description": service.description,
        "owner": service.owner,
        "platform": platform.name,
        "port": service.port,
        "connections": sorted({name for component in components for name in component.provides}),
        "calls": [found.name for found in called],
        "resources": [_resource(name, service) for name in referred_first(service)],
        "publishes": list(service.events.publishes),
        "consumes": list(service.events.consumes),
        "secrets": list(service.secrets),
        "capabilities": list(service.with_),
        "apis": [api(found) for found in called],
        "packages": [_package(package, service) for package in platform.packages_of(service)],
    }
    return {key: value for key, value in data.items() if value or isinstance(value, list)}


def api(service: Service) -> dict[str, Any]:
    """What a service offers to those that call it; the paths are the gateway's.

    Where the gateway has paths that the service itself does not, `moved` says which, the longest first.
    """
    described = [_resource(name, service) for name in referred_first(service)]
    resources = [one | {"path": _reached(service, f"/api/v1/{one['plural']}")} for one in described]
    found = {"name": service.name, "title": service.title or service.name, "resources": resources}
    moved = [{"inside": inside, "path": path} for inside, path in _ways(service)]
    return found | ({"moved": moved} if any(one["inside"] != one["path"] for one in moved) else {})


def _ways(service: Service) -> list[tuple[str, str]]:
    """How a service's paths begin inside and at the gateway; the longest first, for it says most."""
    ways = [((route.rewrite or route.path).rstrip("/"), route.path.rstrip("/")) for route in service.routes]
    return sorted(dict(reversed(ways)).items(), key=lambda way: -len(way[0]))


def _reached(service: Service, path: str) -> str:
    """A path of a service as the gateway has it."""
    for inside, outside in _ways(service):
        if f"{path}/".startswith(f"{inside}/"):
            return outside + path.removeprefix(inside)
    return path


def _package(package: Package, service: Service) -> dict[str, str]:
    """A package as its user sees it: name, type and scope, the way to it, and whose client it is."""
    said = {
        "name": package.name,
        "type": package.type,
        "scope": package.scope or "",
        "path": os.path.relpath(package.source, service.source),
    }
    return said | ({"client_of": package.client_of} if package.client_of else {})


def plural(noun: str) -> str:
    """The plural of an English noun, good enough for a path; a blueprint may say another."""
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(s|x|z|ch|sh)$", noun) else f"{noun}s"


def referred_first(service: Service) -> list[str]:
    """Its resources in an order in which what is referred to stands before what refers to it.

    The order of the blueprint says nothing about the database: a reference inside the service is a foreign
    key wherever its resource stands. A circle, which is a fault of the blueprint, is cut where it is met.
    """
    order: dict[str, None] = {}

    def add(name: str, above: frozenset[str]) -> None:
        for field in service.resources[name].fields.values():
            if field.target in service.resources and field.target not in {*order, *above, name}:
                add(field.target, above | {name})
        order.setdefault(name)

    for name in service.resources:
        if name not in order:
            add(name, frozenset())
    return list(order)


def _resource(name: str, service: Service) -> dict[str, Any]:
    resource = service.resources[name]
    fields = [
        {
            "name": key,
            "type": field.type,
            "optional": field.optional,
            "unique": field.unique,
            "default": field.default,
            "values": list(field.values),
            "target": field.target,
        }
        for key, field in resource.fields.items()
    ]
    return {
        "name": name,
        "plural": resource.plural or plural(name),
        "fields": fields,
        "operations": list(resource.operations),
        "states": {state: list(after) for state, after in resource.states.items()},
        "events": resource.events.model_dump(),
        "tenant": service.of_tenants(name),
    }
