"""What services and components use, and what the platform goes without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.linting.events import unpublished
from nexus_cli.blueprint.linting.rule import Fault, Rule
from nexus_cli.blueprint.load import catalogue_names, catalogue_publishers, did_you_mean
from nexus_cli.blueprint.model import Component, Platform
from nexus_cli.blueprint.types import REPORTS_TO, SERVICE_TYPES


def _unknown_dependency(platform: Platform) -> Iterator[Fault]:
    known = {*platform.services, *platform.components}
    known |= {alias for component in platform.components.values() for alias in component.aliases}
    catalogue = catalogue_names()
    for unit in platform.units:
        for index, use in enumerate(unit.uses):
            if use.service not in known and not (use.optional and use.service in catalogue):
                hint = did_you_mean(use.service, known)
                if use.service in catalogue:
                    hint = f'the catalogue has it: add "catalogue:{use.service}" to include in nexus.yaml'
                yield unit.kind, unit.name, ["uses", index], f'unknown dependency "{use.service}"', hint


def _not_included(platform: Platform) -> Iterator[Fault]:
    """What the catalogue has and this platform goes without: optional uses, and events of others."""
    for unit in platform.units:
        for index, use in enumerate(unit.uses):
            if use.optional and platform.resolve(use.service) is None and use.service in catalogue_names():
                yield unit.kind, unit.name, ["uses", index], f'goes without "{use.service}"', None
    for service, index, event in unpublished(platform):
        publisher = catalogue_publishers().get(event)
        if publisher is not None:
            path = ["events", "consumes", index]
            yield "service", service, path, f'goes without {event}, which "{publisher}" publishes', None


def _cycle(platform: Platform) -> Iterator[Fault]:
    for cycle in graph.cycles(graph.dependencies(platform)):
        path = " -> ".join([*cycle, cycle[0]])
        kind = "service" if cycle[0] in platform.services else "component"
        yield kind, cycle[0], ["uses"], f"dependencies form a cycle: {path}", None


def _duplicate_use(platform: Platform) -> Iterator[Fault]:
    for unit in platform.units:
        seen: set[str] = set()
        for index, use in enumerate(unit.uses):
            target = platform.resolve(use.service)
            name = target.name if target else use.service
            if name in seen:
                yield unit.kind, unit.name, ["uses", index], f'"{name}" is used twice', None
            seen.add(name)


def _connection_clash(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        givers: dict[str, str] = {}
        for index, use in enumerate(service.uses):
            target = platform.resolve(use.service)
            for variable in target.provides if isinstance(target, Component) else ():
                other = givers.setdefault(variable, use.service)
                if other != use.service:
                    message = f'"{use.service}" and "{other}" both provide {variable}'
                    yield "service", service.name, ["uses", index], message, None


def _not_reported(platform: Platform) -> Iterator[Fault]:
    able = sorted(name for name, kind in SERVICE_TYPES.items() if kind.reports)
    for service in platform.services.values():
        kind = SERVICE_TYPES.get(service.type)
        if kind is None or kind.reports:
            continue
        for index, use in enumerate(service.uses):
            target = platform.resolve(use.service)
            if isinstance(target, Component) and REPORTS_TO in target.provides:
                message = f'services of type {service.type} do not report errors to "{use.service}" yet'
                hint = f"those of {', '.join(able)} do; here your own code has to, as {REPORTS_TO} says"
                yield "service", service.name, ["uses", index], message, hint


RULES: Mapping[str, Rule] = {
    "unknown-dependency": Rule(
        "error",
        "a service cannot start without what it uses",
        "describe it, or include it from the catalogue",
        _unknown_dependency,
    ),
    "not-included": Rule(
        "note",
        "a service works with what is there; more of the catalogue would give it more to work with",
        'add it as "catalogue:NAME" to include in nexus.yaml, or leave it out',
        _not_included,
    ),
    "cycle": Rule(
        "error",
        "services that need one another can never start",
        "make one direction an event, or mark it optional and break the cycle",
        _cycle,
    ),
    "duplicate-use": Rule("error", "one connection has one name", "remove one of the two", _duplicate_use),
    "not-reported": Rule(
        "warning",
        "a service reports errors only where its template does",
        "report them in the service's own code, or take the sink out of uses",
        _not_reported,
    ),
    "connection-clash": Rule(
        "error", "two components would write the same variable", "use one of them", _connection_clash
    ),
}
