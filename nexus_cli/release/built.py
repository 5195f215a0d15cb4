"""The images of releases: each is built once; where else it is wanted, it is brought from where it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nexus_cli.errors import NexusError
from nexus_cli.release.record import Live, Side
from nexus_cli.stack import engines
from nexus_cli.unit import Container, Origin

if TYPE_CHECKING:
    from nexus_cli.release.estate import Estate
    from nexus_cli.release.ledger import Entry


def images(entries: Iterable[Entry]) -> Iterator[tuple[str, str, str]]:
    """Every image that sides were of, oldest first: the service, the release and the image's identity."""
    for entry in entries:
        for sides in Live.of(entry.body["live"]).sides.values():
            yield from ((side.service, side.release, side.image) for side in sides if side.image)


def as_built(estate: Estate, live: Live) -> Live:
    """With the images that were built of the same releases before, in whatever environment that was."""
    if estate.choice.engine != "docker":
        return live
    known = {
        (service, release): image for service, release, image in images(estate.ledger.entries(kind="live"))
    }
    for name, sides in live.sides.items():
        pinned = [replace(s, image=s.image or known.get((name, s.release), "")) for s in sides]
        live = live.with_sides(name, pinned)
    return live


def nowhere(estate: Estate, live: Live) -> set[str]:
    """The sides whose image no environment's engine has; what only another one's has will be brought."""
    lost = _lost(estate, live)
    if not lost:
        return set()
    bindings = estate.bindings(live)
    sides: list[Side] = [side for held in live.sides.values() for side in held if side.name in lost]
    names = {
        side.image: code.runtime.image
        for side in sides
        if isinstance((code := estate.code(replace(side, image=""), bindings)).runtime, Container)
    }
    for where in _others(estate):
        built_for = _held(where, names.keys() - estate.origins.keys())
        if built_for:
            _refuse_foreign({names[image]: machine for image, machine in built_for.items()}, estate)
        found = built_for.keys()
        origin = Origin(where, tuple((image, names[image]) for image in sorted(found)))
        estate.origins.update(dict.fromkeys(found, origin))
    return {side.name for side in sides if side.image not in estate.origins}


def _lost(estate: Estate, live: Live) -> set[str]:
    """The sides whose image the engine does not have any more, though they ran from it."""
    pinned = {unit: s.name for held in live.sides.values() for s in held if s.image for unit in s.units}
    units = [unit for unit in estate.units(live) if unit.name in pinned] if pinned else []
    return {pinned[unit.name] for unit in units if not estate.engine.prepared(unit)}


def rebuilt(live: Live, lost: Collection[str]) -> Live:
    """With images that are built again from the release's own copy."""
    for name, sides in live.sides.items():
        live = live.with_sides(name, [replace(s, image="" if s.name in lost else s.image) for s in sides])
    return live


def _others(estate: Estate) -> Iterator[str]:
    """The addresses of the engines of all other environments."""
    here = {estate.choice.where}
    for name, described in estate.platform.environments.items():
        used = engines.in_use(estate.workspace.environment_state(name))
        target = described.target.engine
        where = engines.trusted(used, target).where if used and used.engine == "docker" else target
        if where and where not in here:
            here.add(where)
            yield where


def _refuse_foreign(built_for: Mapping[str, str], estate: Estate) -> None:
    misfit = foreign(built_for, _native(estate))
    if misfit:
        raise NexusError(
            f"{estate.title} cannot run this release: {misfit}",
            hint="engines of one release have one architecture: deploy a version of its own there",
        )


def foreign(built_for: Mapping[str, str], native: str) -> str:
    """Which image is for other machines than the engine's, in words; nothing if all fit; pure."""
    wrong = next((name for name, machine in sorted(built_for.items()) if machine != native), None)
    return f"{wrong} was built for {built_for[wrong]}, and its engine is {native}" if wrong else ""


def _native(estate: Estate) -> str:
    from nexus_cli.engine.docker.client import connect
    from nexus_cli.engine.docker.images import native

    client = connect(estate.choice.where)
    try:
        return native(client)
    finally:
        client.close()


def _held(where: str, wanted: Collection[str]) -> dict[str, str]:
    """Which of the images an engine has, with the machines that each is for; none if it does not answer."""
    from nexus_cli.engine.docker.client import connect
    from nexus_cli.engine.docker.images import architectures, present

    if not wanted:
        return {}
    try:
        client = connect(where)
        try:
            return architectures(client, set(wanted) & present(client))
        finally:
            client.close()
    except NexusError:
        return {}


def unneeded(
    found: Mapping[str, Mapping[str, str]],
    known: Iterable[tuple[str, str, str]],
    needs: Collection[tuple[str, str]],
) -> dict[str, set[str]]:
    """The images of code that nobody needs any more, each with the services that it was of; pure.

    `found` is the digest of each release's code by service, `needs` has the service and digest of what is
    kept.
    """
    gone: dict[str, set[str]] = {}
    kept = set[str]()
    for service, release, image in known:
        digest = found.get(release, {}).get(service, "")
        if (service, digest) in needs:
            kept.add(image)
        else:
            gone.setdefault(image, set()).add(service)
    return {image: services for image, services in gone.items() if image not in kept}
