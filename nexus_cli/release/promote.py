"""What serves in one environment as the next state of another: the same releases, never built again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from nexus_cli.blueprint.model import Strategy
from nexus_cli.errors import UsageError
from nexus_cli.release.deploy import target
from nexus_cli.release.estate import Estate
from nexus_cli.release.record import Live


def promoted(
    source: Estate, place: Estate, services: Collection[str], strategy: Strategy | None
) -> tuple[str, Live]:
    """The versions, and what should serve in `place` once it has what serves in `source`.

    Each service comes at the release that serves there, with this environment's own replicas and variables.
    """
    there = _settled(source)
    unknown = set(services) - there.sides.keys()
    if unknown:
        raise UsageError(f'no service "{min(unknown)}" serves in {source.name}')
    chosen = {name: side.release for name in there.sides if (side := there.serving(name)) is not None}
    chosen = {name: version for name, version in chosen.items() if not services or name in services}
    after = place.live()
    if not services:
        after = target(place, place.release(there.base), (), strategy)
        gone = after.sides.keys() - chosen.keys()
        after = replace(after, sides={n: held for n, held in after.sides.items() if n not in gone})
    for version in sorted(set(chosen.values()) - ({there.base} if not services else set())):
        names = [name for name, own in chosen.items() if own == version]
        part = target(place, place.release(version), names, strategy)
        for name in names:
            after = after.with_sides(name, part.sides[name])
            after = replace(after, revisions={**after.revisions, name: part.revisions[name]})
        if services:
            after = replace(after, base=after.base or part.base, components=part.components)
    if not services:
        after = replace(after, components=there.components)
    return ", ".join(sorted(set(chosen.values()))), after


def _settled(source: Estate) -> Live:
    """What serves in the source; nothing is taken from where something is still going on."""
    going_on = source.unfinished()
    if going_on is not None:
        raise UsageError(
            f"{source.name} is in the middle of {going_on.body['action']} {going_on.body['version']}",
            hint=f"let it end first: nexus deploy {source.name} --resume, or nexus rollback {source.name}",
        )
    live = source.live()
    if not live.base:
        raise UsageError(f"nothing serves in {source.name}", hint=f"nexus deploy {source.name}")
    return live
