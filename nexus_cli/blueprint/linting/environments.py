"""Environments: where their engines are, and when nothing is deployed to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_cli.blueprint.linting.rule import Fault, Rule
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Platform

_ENGINES = ("unix://", "tcp://", "ssh://", "context://")


def _target(platform: Platform) -> Iterator[Fault]:
    for environment in platform.environments.values():
        place, name = environment.target, environment.name
        if place.docker is not None and not place.docker.startswith(_ENGINES):
            said = f'"{place.docker}" is no address of an engine'
            yield "environment", name, ["target", "docker"], said, f"it begins with {', '.join(_ENGINES)}"
        elif place.certificates and Path(place.certificates).expanduser().is_relative_to(platform.root):
            path = ["target", "certificates"]
            yield "environment", name, path, "the certificates lie in the workspace", None


def _unknown_zone(platform: Platform) -> Iterator[Fault]:
    zoned = [
        (environment.name, index, zone)
        for environment in platform.environments.values()
        for index, window in enumerate(environment.freeze)
        for zone in window.split(" ")[5:]
    ]
    if not zoned:
        return
    from zoneinfo import available_timezones

    known = available_timezones()
    for name, index, zone in zoned:
        if zone not in known:
            said = f'unknown time zone "{zone}"'
            yield "environment", name, ["freeze", index], said, did_you_mean(zone, known)


RULES: Mapping[str, Rule] = {
    "target": Rule(
        "error",
        "an engine is reached by an address, and trusted by certificates that are nobody else's",
        "keep them outside of the workspace, such as in ~/.docker/production",
        _target,
    ),
    "unknown-zone": Rule(
        "error",
        "a freeze that cannot be reckoned would stop every deployment",
        "name a zone such as Europe/Berlin, or none for UTC",
        _unknown_zone,
    ),
}
