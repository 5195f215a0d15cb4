"""What the documentation of a platform says, as plain data: everything is read from the blueprints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.fields import FieldType
from nexus_cli.blueprint.model import Component, Platform, Resource, Service

_MINUTES_A_MONTH = 30 * 24 * 60
NOBODY = "no owner"


def facts(platform: Platform) -> dict[str, Any]:
    """The platform, its teams, services, components, events and the order in which it comes up."""
    publishers, consumers = _by_event(platform)
    hard = graph.dependencies(platform, optional=False)
    every = graph.dependencies(platform)
    services = [
        _service(platform, service, every, hard, publishers, consumers)
        for service in platform.services.values()
    ]
    owners = sorted({service["owner"] for service in services})
    return {
        "name": platform.name,
        "title": platform.spec.title or platform.name,
        "description": platform.spec.description,
        "teams": [
            {"name": owner, "hue": index * 360 // len(owners), "services": _owned(services, owner)}
            for index, owner in enumerate(owners)
        ],
        "services": services,
        "components": [_component(platform, c, every) for c in platform.components.values()],
        "packages": [
            {"name": p.name, "description": p.description, "language": p.language, "users": list(p.users)}
            for p in platform.packages.values()
        ],
        "events": [
            {"name": event, "publishers": publishers.get(event, []), "consumers": consumers.get(event, [])}
            for event in sorted({*publishers, *consumers})
        ],
        "levels": graph.levels(hard),
    }


def _owned(services: Iterable[Mapping[str, Any]], owner: str) -> list[Mapping[str, Any]]:
    return [service for service in services if service["owner"] == owner]


def _by_event(platform: Platform) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    publishers: dict[str, list[str]] = {}
    consumers: dict[str, list[str]] = {}
    for service in platform.services.values():
        for event in service.events.publishes:
            publishers.setdefault(event, []).append(service.name)
        for event in service.events.consumes:
            consumers.setdefault(event, []).append(service.name)
    return publishers, consumers


def _service(
    platform: Platform,
    service: Service,
    every: Mapping[str, tuple[str, ...]],
    hard: Mapping[str, tuple[str, ...]],
    publishers: Mapping[str, list[str]],
    consumers: Mapping[str, list[str]],
) -> dict[str, Any]:
    availability = service.slo.availability
    return {
        "name": service.name,
        "title": service.title,
        "description": service.description,
        "owner": service.owner or NOBODY,
        "type": service.type,
        "port": service.port,
        "source": service.source,
        "routes": [route.model_dump(mode="json") for route in service.routes],
        "uses": list(_uses(platform, service)),
        "used_by": sorted(name for name, targets in every.items() if service.name in targets),
        "falls_with_it": sorted(graph.dependants(hard, service.name)),
        "needs": sorted(graph.closure(hard, [service.name]) - {service.name}),
        "publishes": [{"event": e, "to": consumers.get(e, [])} for e in service.events.publishes],
        "consumes": [{"event": e, "from": publishers.get(e, [])} for e in service.events.consumes],
        "resources": [_resource(name, resource) for name, resource in service.resources.items()],
        "secrets": list(service.secrets),
        "scale": service.scale.model_dump(),
        "cpu": service.limits.cpu,
        "memory": service.limits.memory and service.limits.memory >> 20,
        "strategy": service.deploy.strategy,
        "drain": service.deploy.drain,
        "health": service.health.model_dump(),
        "availability": availability,
        "budget": availability and round(_MINUTES_A_MONTH * (100 - availability) / 100, 1),
        "p95": service.slo.p95 and round(service.slo.p95 * 1000),
    }


def _uses(platform: Platform, service: Service) -> Iterable[dict[str, Any]]:
    for use in service.uses:
        target = platform.resolve(use.service)
        if target is not None:
            given = list(target.provides) if isinstance(target, Component) else []
            yield {"name": target.name, "kind": target.kind, "optional": use.optional, "gives": given}


def _component(
    platform: Platform, component: Component, every: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    return {
        "name": component.name,
        "title": component.title or component.name,
        "description": component.description,
        "image": component.image or "",
        "ports": dict(component.ports),
        "gives": list(component.provides),
        "stores": sorted(component.volumes),
        "profiles": list(component.profiles),
        "embedded": component.embedded.wheel if component.embedded else "",
        "used_by": sorted(
            name for name, targets in every.items() if component.name in targets and name in platform.services
        ),
    }


def _resource(name: str, resource: Resource) -> dict[str, Any]:
    return {
        "name": name,
        "fields": [
            {"name": key, "type": field_text(field), "optional": field.optional, "unique": field.unique}
            for key, field in resource.fields.items()
        ],
        "operations": list(resource.operations),
        "states": {state: list(after) for state, after in resource.states.items()},
        "events": {moment: event for moment, event in resource.events if event},
    }


def field_text(field: FieldType) -> str:
    """A field's type as a blueprint writes it, with its default."""
    inside = ", ".join(field.values) or field.target
    default = f" = {field.default}" if field.default is not None else ""
    return f"{field.type}({inside}){default}" if inside else f"{field.type}{default}"
