"""Host ports: the blueprint's own if free, else a stable substitute of this workspace, on request.

A service's further replicas have no port in the blueprint: theirs are stable substitutes from the start.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from nexus_cli.blueprint.bind import Bindings, replicas, unit_ports
from nexus_cli.blueprint.model import Platform
from nexus_cli.errors import NexusError
from nexus_cli.workspace import read_json, write_atomic

FIRST, COUNT = 20000, 12000  # below the range that the kernel hands out by itself
_FILE = "ports.json"
Ports = dict[str, dict[str, int]]


class PortHeld(NexusError):
    """A port that a unit needs is held by a program that is not ours."""


def written(platform: Platform) -> Ports:
    """Every unit's ports as its blueprint says."""
    return {unit.name: unit_ports(unit, Bindings()) for unit in platform.units}


def chosen(folder: Path, platform: Platform, counts: Mapping[str, int], more: Iterable[str] = ()) -> Ports:
    """Every unit's ports with so many replicas: the blueprint's, or the substitute chosen earlier.

    `more` are further units that have one port each, which is no blueprint's.
    """
    kept = read_json(folder / _FILE)
    result = written(platform)
    for unit, ports in result.items():
        substitutes = kept.get(unit)
        if isinstance(substitutes, dict):
            ports.update({name: int(port) for name, port in substitutes.items() if name in ports})
    taken = {port for ports in result.values() for port in ports.values()}
    scaled = Bindings(replicas=counts)
    further = (name for service in platform.services.values() for name in replicas(service, scaled)[1:])
    for unit in (*further, *more):
        substitutes = kept.get(unit)
        port = substitutes.get("http") if isinstance(substitutes, dict) else None
        result[unit] = {"http": port or _substitute(f"{folder}:{unit}", taken)}
        taken.add(result[unit]["http"])
    return result


def free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a program could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def settle(
    ports: Mapping[str, Mapping[str, int]],
    starting: Sequence[str],
    *,
    seed: str,
    substitute: bool,
    leaving: Collection[int] = (),
    holder: Callable[[int], str | None],
) -> Ports:
    """The ports with which the `starting` units can begin.

    A held port is a fault that names its holder, or with `substitute` is replaced by one that follows
    from `seed` (the workspace), the unit and the port's name. The `leaving` ones will be free by then.
    """
    result = {unit: dict(mine) for unit, mine in ports.items()}
    taken = {port for mine in ports.values() for port in mine.values()}
    held = []
    for unit in starting:
        for name, port in ports.get(unit, {}).items():
            if port in leaving or free(port):
                continue
            if substitute:
                result[unit][name] = _substitute(f"{seed}:{unit}:{name}", taken)
                taken.add(result[unit][name])
            else:
                held.append(f"port {port} of {unit} is held by {holder(port) or 'another program'}")
    if held:
        raise PortHeld(
            "\n".join(held),
            hint="stop the holder, or let nexus choose other ports with `nexus up --free-ports`",
        )
    return result


def _substitute(seed: str, taken: set[int]) -> int:
    begin = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest()) % COUNT
    for offset in range(COUNT):
        port = FIRST + (begin + offset) % COUNT
        if port not in taken and free(port):
            return port
    raise NexusError(f"no free port between {FIRST} and {FIRST + COUNT}")


def elsewhere(platform: Platform, seed: str) -> Ports:
    """Other ports for every unit, so that the platform can run beside itself."""
    result = written(platform)
    taken = {port for mine in result.values() for port in mine.values()}
    for unit, mine in result.items():
        for name in mine:
            mine[name] = _substitute(f"{seed}:{unit}:{name}", taken)
            taken.add(mine[name])
    return result


def keep(folder: Path, platform: Platform, ports: Mapping[str, Mapping[str, int]]) -> None:
    """Remember the substitutes, so that the next command finds the units where they are."""
    base = written(platform)
    substitutes = {
        unit: {name: port for name, port in mine.items() if base.get(unit, {}).get(name) != port}
        for unit, mine in ports.items()
    }
    found = {unit: mine for unit, mine in sorted(substitutes.items()) if mine}
    path = folder / _FILE
    if found != read_json(path):
        write_atomic(path, json.dumps(found, indent=2) + "\n", mode=0o600)
