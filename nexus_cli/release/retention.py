"""Which releases' code and images are kept, and which go because nobody can need them any more."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_cli.errors import NexusError
from nexus_cli.release import artifact, built
from nexus_cli.release.estate import releases
from nexus_cli.release.history import serving
from nexus_cli.release.record import Live, Release
from nexus_cli.stack import engines

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform
    from nexus_cli.release.ledger import Entry, Ledger
    from nexus_cli.workspace import Workspace

_DAY = 86400.0
Kept = tuple[str, str]
"""An artifact, as service and digest."""


@dataclass(frozen=True, slots=True)
class Images:
    """Names of unneeded images on an engine; `silent` is why it could not be asked."""

    where: str
    names: tuple[str, ...] = ()
    silent: str = ""


def needed(live: Live, begun: Sequence[Entry], ended: Sequence[Entry], retention: int) -> set[str]:
    """The versions that an environment serves, holds ready or would go back to, and the last so many."""
    good = {entry.body["run"] for entry in ended if entry.body["outcome"] == "succeeded"}
    succeeded = [entry for entry in begun if entry.number in good]
    versions = set(live.versions)
    for entry in (*begun[-1:], *succeeded[-1:]):
        versions.update(Live.of(entry.body["before"]).versions)
        versions.update(Live.of(entry.body["after"]).versions)
    served = dict.fromkeys(Live.of(entry.body["after"]).versions for entry in reversed(succeeded))
    for together in [*served][:retention]:
        versions.update(together)
    return versions


def unneeded(
    found: Mapping[str, Release],
    versions: Collection[str],
    kept: Mapping[Kept, float],
    newest: int,
    now: float,
) -> list[Kept]:
    """The artifacts that no needed version has, nor one of the `newest` releases.

    `kept` says when each was last used for a release. One that was used after all releases that have it were
    written belongs to a release that is just being made; it is left alone for a day.
    """
    needs = _needs(found, versions, newest)
    written: dict[Kept, float] = {}
    for release in found.values():
        for service, code in release.artifacts.items():
            written[service, code.digest] = max(release.made, written.get((service, code.digest), 0.0))
    return [
        key
        for key, used in kept.items()
        if key not in needs and (used <= written.get(key, 0.0) or now - used > _DAY)
    ]


def _needs(found: Mapping[str, Release], versions: Collection[str], newest: int) -> set[Kept]:
    """What the needed versions have, and the `newest` releases."""
    wanted = {*versions, *[*found][len(found) - min(newest, len(found)) :]}
    held = (found[version].artifacts.items() for version in found.keys() & wanted)
    return {(service, code.digest) for artifacts in held for service, code in artifacts}


def unneeded_images(platform: Platform, ledger: Ledger) -> dict[str, set[str]]:
    """The images of what is no longer kept, wherever they are: their identities, each with its services."""
    found = releases(ledger)
    digests = {version: {n: a.digest for n, a in r.artifacts.items()} for version, r in found.items()}
    needs = _needs(found, *_wanted(platform, ledger))
    return built.unneeded(digests, built.images(ledger.entries(kind="live")), needs)


def _wanted(platform: Platform, ledger: Ledger) -> tuple[set[str], int]:
    """The versions that some environment needs, and how many of the newest releases are kept beside them."""
    versions: set[str] = set()
    described = platform.environments
    most = max((place.retention for place in described.values()), default=1)
    for name in ledger.environments():
        begun, ended = (ledger.entries(name, kind) for kind in ("begun", "ended"))
        own = described[name].retention if name in described else most
        versions |= needed(serving(ledger, name), begun, ended, own)
    return versions, most


def prunable(workspace: Workspace, platform: Platform, ledger: Ledger) -> list[Kept]:
    """The artifacts that can be removed now."""
    versions, most = _wanted(platform, ledger)
    kept = {key: artifact.used(workspace, *key) for key in artifact.kept(workspace)}
    return unneeded(releases(ledger), versions, kept, most, time.time())


def prune(workspace: Workspace, platform: Platform, ledger: Ledger) -> list[Kept]:
    """Remove what can be removed; says what that was."""
    gone = prunable(workspace, platform, ledger)
    for service, digest in gone:
        artifact.forget(workspace, service, digest)
    return gone


def prune_images(
    workspace: Workspace, platform: Platform, ledger: Ledger, *, dry_run: bool = False
) -> Iterator[Images]:
    """Remove the images that can be removed, on the engine of every environment; says which those were."""
    images = unneeded_images(platform, ledger)
    seen: set[str] = set()
    for name in sorted({*platform.environments, *ledger.environments()}):
        folder = workspace.environment_state(name)
        used = engines.in_use(folder)
        if not images or used is None or used.engine != "docker" or used.where in seen:
            continue
        seen.add(used.where)
        described = platform.environments.get(name)
        choice = engines.trusted(used, described.target.engine if described else "")
        where = engines.shown(choice.where)
        try:
            engine = engines.engine(choice, folder, f"{platform.name}/{name}")
            yield Images(where, tuple(engine.forget_images(images, dry_run=dry_run)))
        except NexusError as fault:
            yield Images(where, silent=fault.message)
