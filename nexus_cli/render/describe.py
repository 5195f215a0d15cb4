"""A platform's inventory and the details of one unit, as tables, text and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.bind import HOST, url_variable
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.errors import UsageError
from nexus_cli.events import Summary


def inventory_data(platform: Platform) -> list[dict[str, Any]]:
    """Everything that is described: kind, name, type, port, what it uses, owner and file."""
    rows: list[dict[str, Any]] = []
    for service in platform.services.values():
        uses = [use.service for use in service.uses]
        rows.append(
            _entry(platform, "service", service.name, service.type, [service.port], uses, service.owner)
        )
    for component in platform.components.values():
        ports = list(component.ports.values())
        uses = [use.service for use in component.uses]
        entry = _entry(platform, "component", component.name, component.image or "", ports, uses, "")
        rows.append({**entry, "runs": _engines(component)})
    rows.extend(_entry(platform, "package", p.name, p.type, [], [], "") for p in platform.packages.values())
    rows.extend(
        _entry(platform, "environment", e.name, "", [], [], "") for e in platform.environments.values()
    )
    return rows


def _engines(component: Component) -> str:
    """Where a component can run."""
    if component.embedded is None:
        return "Docker only"
    return "Docker, processes" if component.image or component.build else "processes only"


def _entry(
    platform: Platform, kind: str, name: str, type_: str, ports: list[int], uses: list[str], owner: str
) -> dict[str, Any]:
    file = platform.sources[kind, name].file
    return {
        "kind": kind,
        "name": name,
        "type": type_,
        "ports": ports,
        "uses": uses,
        "owner": owner,
        "runs": "Docker, processes" if kind == "service" else "",
        "file": file,
    }


def inventory(platform: Platform) -> Summary:
    """The inventory as a table."""
    columns = ("kind", "name", "type", "ports", "uses", "owner", "runs")
    rows = [
        tuple(", ".join(map(str, row[c])) if isinstance(row[c], list) else str(row[c]) for c in columns)
        for row in inventory_data(platform)
    ]
    return Summary(platform.name, columns, tuple(rows))


def details(platform: Platform, name: str) -> dict[str, Any]:
    """One described thing as data: its blueprint with defaults, its edges and the variables it is given."""
    unit = platform.resolve(name)
    if unit is None:
        found = platform.packages.get(name) or platform.environments.get(name)
        if found is None:
            known = [*platform.services, *platform.components, *platform.packages, *platform.environments]
            hint = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            raise UsageError(f'nothing is named "{name}"', hint=hint)
        return found.model_dump(mode="json", by_alias=True)
    edges = graph.dependencies(platform)
    result = unit.model_dump(mode="json", by_alias=True, exclude_defaults=False)
    result["needs"] = sorted(graph.closure(edges, [unit.name]) - {unit.name})
    result["needed_by"] = sorted(graph.dependants(edges, unit.name))
    if isinstance(unit, Service):
        result["variables"] = dict(_variables(platform, unit))
        result["url"] = f"http://{HOST}:{unit.port}"
    result["file"] = str(platform.sources[unit.kind, unit.name].at())
    return result


def _variables(platform: Platform, service: Service) -> Iterator[tuple[str, str]]:
    """Each variable of a service and where it comes from; never a value."""
    for use in service.uses:
        target = platform.resolve(use.service)
        if isinstance(target, Component):
            yield from ((name, target.name) for name in target.provides)
        elif target is not None:
            yield url_variable(target.name), target.name
    yield from ((name, "env") for name in service.env)
    yield from ((name, "secret") for name in service.secrets)


def details_text(found: Mapping[str, Any]) -> str:
    """The details as indented text, without what is empty."""
    return "\n".join(_text(found, 0))


def _text(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, item in value.items():
        if item in (None, "", [], {}) or key == "nexus":
            continue
        label = f"{'  ' * depth}{key}"
        if isinstance(item, Mapping):
            yield label
            yield from _text(item, depth + 1)
        elif isinstance(item, list) and item and isinstance(item[0], Mapping):
            yield label
            for entry in item:
                words = (f"{k}={v}" for k, v in entry.items() if v not in (None, "", [], {}, False))
                yield f"{'  ' * (depth + 1)}{' '.join(words)}"
        else:
            text = ", ".join(map(str, item)) if isinstance(item, list) else str(item)
            yield f"{label:<16} {text}"
