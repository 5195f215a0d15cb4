"""Detours: connections of a stack that lead through a program of ours, which can disturb them; pure.

A detour is from a unit that uses (a service, or the gateway) to one that is used. Both ends are what they
always are; only the address that the one is told of the other differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from nexus_cli.blueprint.bind import (
    Address,
    Bindings,
    own_ports,
    replica_address,
    seen_by_units,
)
from nexus_cli.blueprint.images import base_images
from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.stack.forms import FILES, Layout
from nexus_cli.stack.reconcile import fingerprint
from nexus_cli.unit import Container, File, Probe, Unit

Edge = tuple[str, str]
"""Who uses, and what is used: a component, a service, or for a gateway one replica of a service."""

FAULT = "fault.json"
_PROGRAM = Path(__file__).with_name("detour.py")
_PREFIX = "detour"


def name(edge: Edge) -> str:
    """The name of the unit that stands in between; no name of the platform begins like that."""
    return f"{_PREFIX}-{'-'.join(edge).replace('.', '-')}"


@dataclass(frozen=True, slots=True)
class Way:
    """A detour's ports by name: where it listens, and the host and port that each leads to."""

    edge: Edge
    listen: Mapping[str, int]
    target: Mapping[str, tuple[str, int]]


def port_names(platform: Platform, edges: Iterable[Edge]) -> list[str]:
    """A name for each port that detours need on this machine."""
    return [f"{name(edge)}.{port}" for edge in edges for port in _ports(platform, edge)]


def ways(platform: Platform, bindings: Bindings, edges: Iterable[Edge]) -> list[Way]:
    """Where the detours listen and lead to."""
    return [_way(platform, bindings, edge) for edge in edges]


def addresses(found: Sequence[Way], bindings: Bindings) -> dict[Edge, Address]:
    """Where those that use are told that the other end is."""
    return {way.edge: (name(way.edge) if bindings.containers else bindings.host, way.listen) for way in found}


def units(
    platform: Platform, bindings: Bindings, layout: Layout, found: Sequence[Way], stack: Sequence[Unit]
) -> list[Unit]:
    """The stack's units with the detours among them, each started before those that go through it."""
    through: dict[str, list[str]] = {}
    for way in found:
        through.setdefault(way.edge[0], []).append(name(way.edge))
    led = [
        replace(unit, needs=(*unit.needs, *through.get(unit.described, ()))) if unit.kind != "job" else unit
        for unit in stack
    ]
    return [*led, *(_unit(platform, bindings, layout, way) for way in found)]


def disturbed(unit: Unit, fault: Mapping[str, float]) -> Unit:
    """The detour with a fault on its way; without any, it only hands on."""
    return replace(unit, files={**unit.files, FAULT: File(json.dumps(dict(fault)), live=True)})


def _ports(platform: Platform, edge: Edge) -> list[str]:
    service = platform.services.get(edge[1].partition(".")[0])
    return [*own_ports(service or platform.components[edge[1]])]


def _way(platform: Platform, bindings: Bindings, edge: Edge) -> Way:
    user, used = edge
    service = platform.services.get(used.partition(".")[0])
    target = service or platform.components[used]
    own = own_ports(target)
    if bindings.containers:
        listen = own
    else:
        listen = {port: bindings.ports[f"{name(edge)}.{port}"]["http"] for port in own}
    if isinstance(target, Service) and user in platform.components:
        return Way(edge, listen, {"http": replica_address(target, used, bindings)})
    host, ports = seen_by_units(target, bindings)
    return Way(edge, listen, {port: (host, number) for port, number in ports.items()})


def _unit(platform: Platform, bindings: Bindings, layout: Layout, way: Way) -> Unit:
    mine, used = name(way.edge), way.edge[1]
    folder = layout.files(mine)
    inside = FILES if bindings.containers else str(folder)
    program = _PROGRAM.read_text(encoding="utf-8")
    led = json.dumps([[bindings.listen, port, *way.target[label]] for label, port in way.listen.items()])
    runtime = None
    if bindings.containers:
        image = base_images(platform)["python"]
        runtime = Container(image, listens=way.listen, files=FILES, init=True, closed=True, read_only=True)
    return Unit(
        name=mine,
        kind="component",
        command=(
            "python3" if bindings.containers else sys.executable,
            f"{inside}/detour.py",
            f"{inside}/{FAULT}",
            led,
        ),
        fingerprint=fingerprint({"way": blake2b(f"{led}{program}".encode(), digest_size=8).hexdigest()}),
        needs=(used,),
        env={"PYTHONUNBUFFERED": "1"},
        ports={} if bindings.containers else dict(way.listen),
        probe=Probe("tcp", port=next(iter(way.listen.values()))),
        files={"detour.py": File(program), FAULT: File("{}", live=True)},
        files_folder=folder,
        runtime=runtime,
        stop_seconds=2.0,
    )
