"""What the ledger of a workspace tells those who ask, also where nothing was ever deployed."""

from __future__ import annotations

from nexus_cli.blueprint.model import Platform
from nexus_cli.release.compare import Place, place
from nexus_cli.release.estate import environment_of, release_among, releases
from nexus_cli.release.history import RUNS, Happened, happened, serving
from nexus_cli.release.ledger import Ledger, opened, recorded
from nexus_cli.release.record import Live, Release
from nexus_cli.workspace import Workspace


def book(workspace: Workspace) -> Ledger | None:
    """The workspace's ledger; none is made only because somebody asks."""
    return opened(workspace) if recorded(workspace) else None


def runs(workspace: Workspace, environment: str) -> list[Happened]:
    """What happened in an environment, oldest first."""
    ledger = book(workspace)
    return happened(ledger.entries(environment)) if ledger else []


def all_releases(workspace: Workspace) -> dict[str, Release]:
    """Every release by its version, oldest first."""
    ledger = book(workspace)
    return releases(ledger) if ledger else {}


def serves(workspace: Workspace) -> dict[str, list[str]]:
    """The environments that each release has a part in, by version."""
    ledger = book(workspace)
    found: dict[str, list[str]] = {}
    for name in ledger.environments() if ledger else ():
        for version in serving(ledger, name).versions if ledger else ():
            found.setdefault(version, []).append(name)
    return found


def environment(workspace: Workspace, platform: Platform, name: str) -> Place:
    """All that is to be known of an environment."""
    described, ledger = environment_of(platform, name), book(workspace)
    live = serving(ledger, name) if ledger else Live()
    told = [run for run in runs(workspace, name) if run.action in RUNS]
    secrets = tuple(sorted({secret for unit in platform.units for secret in unit.secrets}))
    return place(described, live, secrets, told[-1] if told else None)


def known_release(workspace: Workspace, version: str) -> Release:
    """The release of a version; an unknown one is a fault with a hint."""
    return release_among(all_releases(workspace), version)
