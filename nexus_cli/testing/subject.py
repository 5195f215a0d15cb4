"""What has tests of its own: services and packages, each in its toolchain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.blueprint.types import SERVICE_TYPES

Toolchain = Literal["python", "node", "go"]
_MARKS: tuple[tuple[str, Toolchain], ...] = (
    ("go.mod", "go"),
    ("package.json", "node"),
    ("pyproject.toml", "python"),
    ("requirements.lock", "python"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A service or package; `packages` are the folders of those that it uses as they lie there.

    `database` is the component that its tests want a server of; empty if they need none.
    """

    name: str
    folder: Path
    toolchain: Toolchain
    makes: str = ""
    packages: tuple[Path, ...] = ()
    database: str = ""


def subjects(platform: Platform) -> Iterator[Subject]:
    """Every service, then every package, whose code lies in the workspace."""
    for service in platform.services.values():
        folder = platform.root / service.source
        toolchain = _toolchain(folder)
        if toolchain:
            kind = SERVICE_TYPES.get(service.type)
            used = tuple(platform.root / package.source for package in platform.packages_of(service))
            database = _database(platform, service) if toolchain == "go" else ""  # the others embed one
            yield Subject(service.name, folder, toolchain, kind.makes if kind else "", used, database)
    for package in platform.packages.values():
        folder = platform.root / package.source
        toolchain = _toolchain(folder)
        if toolchain:
            yield Subject(package.name, folder, toolchain)


def _database(platform: Platform, service: Service) -> str:
    """The component from which the service has its DATABASE_URL."""
    used = (platform.resolve(use.service) for use in service.uses)
    return next((c.name for c in used if isinstance(c, Component) and "DATABASE_URL" in c.provides), "")


def _toolchain(folder: Path) -> Toolchain | None:
    return next((toolchain for name, toolchain in _MARKS if (folder / name).is_file()), None)
