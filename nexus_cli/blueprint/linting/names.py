"""Names, ports and places, which mean one thing in the whole platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nexus_cli.blueprint import bind
from nexus_cli.blueprint.linting.rule import Fault, Rule
from nexus_cli.blueprint.model import Component, Platform
from nexus_cli.blueprint.references import UnknownReference, resolve

RESERVED = frozenset({"all", "nexus", "platform", "default", "supervisor", "localhost"})


def _port_taken(platform: Platform) -> Iterator[Fault]:
    written: list[tuple[str, str, list[Any], int]] = [
        ("component", c.name, ["publish" if name in c.publish else "ports", name], port)
        for c in platform.components.values()
        for name, port in bind.unit_ports(c, bind.Bindings()).items()
    ]
    written += [("service", s.name, ["port"], s.port) for s in platform.services.values()]
    taken: dict[int, str] = {}
    for kind, name, path, port in written:
        if port in taken:
            yield kind, name, path, f"port {port} is taken by {taken[port]}", None
        else:
            taken[port] = f"{kind} {name}"


def _reserved_name(platform: Platform) -> Iterator[Fault]:
    for name in sorted(RESERVED & {*platform.services, *platform.components}):
        kind = "service" if name in platform.services else "component"
        yield kind, name, ["name"], f'"{name}" is a reserved name', None
    for name in sorted(platform.services.keys() & platform.components.keys()):
        yield "service", name, ["name"], f'"{name}" is also a component', None
    for name in sorted(platform.services.keys() & platform.packages.keys()):
        yield "package", name, ["name"], f'"{name}" is also a service', None
    for component in platform.components.values():
        for index, alias in enumerate(component.aliases):
            if alias in platform.services or alias in platform.components:
                yield "component", component.name, ["aliases", index], f'"{alias}" is also a name', None


def _unknown_reference(platform: Platform) -> Iterator[Fault]:
    bindings = bind.Bindings()
    known = bind.service_values(platform, bindings) if any(s.env for s in platform.services.values()) else {}
    for service in platform.services.values():
        for name, text in service.env.items():
            yield from _reference("service", service.name, ["env", name], text, known)
    for component in platform.components.values():
        yield from _component_references(platform, component, bindings)


def _component_references(
    platform: Platform, component: Component, bindings: bind.Bindings
) -> Iterator[Fault]:
    values = bind.component_values(component, bindings)
    inside = {**values, **bind.used_values(platform, component, bindings), "files": ""}
    consumer = {**values, "consumer": ""}
    texts: list[tuple[list[Any], str, Mapping[str, str]]] = [(["url"], component.url, values)]
    texts += [(["provides", name], text, consumer) for name, text in component.provides.items()]
    texts += [(["env", name], text, inside) for name, text in component.env.items()]
    texts += [(["entrypoint", i], text, inside) for i, text in enumerate(component.entrypoint)]
    texts += [(["command", i], text, inside) for i, text in enumerate(component.command)]
    embedded = component.embedded
    if embedded is not None:
        host = {**values, "data": "", "files": "", **{f"files.{name}": "" for name in embedded.files}}
        texts += [(["embedded", "command", i], text, host) for i, text in enumerate(embedded.command)]
        texts += [(["embedded", "files", name], text, host) for name, text in embedded.files.items()]
        texts += [(["embedded", "env", name], text, host) for name, text in embedded.env.items()]
    for path, text, known in texts:
        yield from _reference("component", component.name, path, text, known)


def _reference(
    kind: str, name: str, path: Sequence[Any], text: str, known: Mapping[str, str]
) -> Iterator[Fault]:
    try:
        resolve(text, known)
    except UnknownReference as fault:
        yield kind, name, path, str(fault), fault.hint


def _source_outside(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if _leaves(service.source):
            yield "service", service.name, ["source"], f'"{service.source}" leaves the workspace', None
    for package in platform.packages.values():
        if _leaves(package.source):
            yield "package", package.name, ["source"], f'"{package.source}" leaves the workspace', None


def _leaves(source: str) -> bool:
    return source.startswith(("/", "~")) or ".." in source.split("/")


RULES: Mapping[str, Rule] = {
    "port-taken": Rule("error", "two units cannot listen on one port", "choose another port", _port_taken),
    "reserved-name": Rule("error", "a name stands for one thing", "choose another name", _reserved_name),
    "unknown-reference": Rule(
        "error",
        "an unknown ${...} is never an empty string",
        "name something that exists",
        _unknown_reference,
    ),
    "source-outside": Rule(
        "error", "paths stay inside the workspace", "move the code into the workspace", _source_outside
    ),
}
