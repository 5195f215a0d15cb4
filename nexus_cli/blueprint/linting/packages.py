"""Shared packages and environments: whom they name, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus_cli.blueprint.linting.rule import Fault, Rule
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.types import SERVICE_TYPES


def _unknown_user(platform: Platform) -> Iterator[Fault]:
    for package in platform.packages.values():
        for index, user in enumerate(package.users):
            if user not in platform.services:
                hint = did_you_mean(user, platform.services)
                yield "package", package.name, ["users", index], f'unknown service "{user}"', hint
        called = package.client_of
        if called is not None and called not in platform.services:
            hint = did_you_mean(called, platform.services)
            yield "package", package.name, ["client_of"], f'unknown service "{called}"', hint
    for environment in platform.environments.values():
        for name in environment.replicas:
            if name not in platform.services:
                hint = did_you_mean(name, platform.services)
                yield "environment", environment.name, ["replicas", name], f'unknown service "{name}"', hint


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


def _user_language(platform: Platform) -> Iterator[Fault]:
    for package in platform.packages.values():
        for index, user in enumerate(package.users):
            service = platform.services.get(user)
            kind = SERVICE_TYPES.get(service.type) if service else None
            if service and kind and kind.language != package.language:
                said = f"{user} is a {service.type} service, which cannot use a {package.language} package"
                yield "package", package.name, ["users", index], said, None


RULES: Mapping[str, Rule] = {
    "unknown-user": Rule("error", "a name must mean a service", "correct the name", _unknown_user),
    "unknown-zone": Rule(
        "error",
        "a freeze that cannot be reckoned would stop every deployment",
        "name a zone such as Europe/Berlin, or none for UTC",
        _unknown_zone,
    ),
    "user-language": Rule(
        "error",
        "a service uses packages of its own language",
        "take the service out of users, or write the package in its language",
        _user_language,
    ),
}
