"""Shared packages, and the services that packages and environments name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus_cli.blueprint.linting.rule import Fault, Rule
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.types import PACKAGE_USERS, SERVICE_TYPES


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


def _user_language(platform: Platform) -> Iterator[Fault]:
    for package in platform.packages.values():
        for index, user in enumerate(package.users):
            service = platform.services.get(user)
            kind = SERVICE_TYPES.get(service.type) if service else None
            if not service or not kind:
                continue
            spoken = kind.language == package.language
            if not spoken or service.type not in PACKAGE_USERS.get(package.type, (service.type,)):
                which = package.type if spoken else package.language
                said = f"{user} is a {service.type} service, which cannot use a {which} package"
                yield "package", package.name, ["users", index], said, None


RULES: Mapping[str, Rule] = {
    "unknown-user": Rule("error", "a name must mean a service", "correct the name", _unknown_user),
    "user-language": Rule(
        "error",
        "a service uses packages of its own language",
        "take the service out of users, or write the package in its language",
        _user_language,
    ),
}
