"""Releases and environments beside each other; pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nexus_cli.blueprint.model import Environment
from nexus_cli.release.history import Happened
from nexus_cli.release.record import Live, Release


@dataclass(frozen=True, slots=True)
class ReleaseDifference:
    """What another release brings: services as (added, removed or changed; name), and new migrations.

    `blueprints` is a unified diff of their texts, `irreversible` what is lost by which new migration, `apis`
    what is otherwise for callers of a service, line by line, where both releases have run.
    """

    old: str
    new: str
    services: tuple[tuple[str, str], ...]
    migrations: Mapping[str, tuple[str, ...]]
    irreversible: Mapping[str, str]
    blueprints: tuple[str, ...]
    apis: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for programs."""
        return asdict(self)


def compare(old: Release, new: Release) -> ReleaseDifference:
    """What the new release has that the old one has not, and the other way round."""
    migrations: dict[str, tuple[str, ...]] = {}
    lost: dict[str, str] = {}
    for name, artifact in new.artifacts.items():
        before = old.artifacts[name].migrations if name in old.artifacts else ()
        added = tuple(migration for migration in artifact.migrations if migration not in before)
        if added:
            migrations[name] = added
            lost |= {key: why for key, why in artifact.irreversible.items() if key in added}
    return ReleaseDifference(
        old.version, new.version, tuple(_services(old, new)), migrations, lost, tuple(_texts(old, new))
    )


def _services(old: Release, new: Release) -> Iterator[tuple[str, str]]:
    for name in sorted(old.artifacts.keys() | new.artifacts.keys()):
        before, after = old.artifacts.get(name), new.artifacts.get(name)
        if before is None or after is None:
            yield ("added" if before is None else "removed"), name
        elif before.digest != after.digest:
            yield "changed", name


def _texts(old: Release, new: Release) -> Iterator[str]:
    for file in sorted(old.blueprints.keys() | new.blueprints.keys()):
        before, after = (found.blueprints.get(file, "").splitlines() for found in (old, new))
        names = (f"{old.version}/{file}", f"{new.version}/{file}")
        yield from difflib.unified_diff(before, after, *names, lineterm="")


@dataclass(frozen=True, slots=True)
class Place:
    """An environment, all that is to be known of it by name: as it is described, and what serves in it."""

    name: str
    facts: Mapping[str, str]


def place(described: Environment, live: Live, secrets: tuple[str, ...], last: Happened | None) -> Place:
    """Everything to be known of an environment; of secrets only their names and where they come from."""
    facts = {
        "target": _target(described),
        "strategy": described.strategy or "each service's own",
        "secrets": f"{described.secrets.provider}: {', '.join(secrets) or 'none'}",
        "confirm": "yes" if described.confirm else "no",
        "approve": ", ".join(described.approve),
        "freeze": ", ".join(described.freeze),
        "retention": str(described.retention),
        "notify": described.notify or "",
        **{f"replicas of {name}": str(count) for name, count in sorted(described.replicas.items())},
        **{f"variable {name}": value for name, value in sorted(described.variables.items())},
        "serves": ", ".join(live.versions) or "nothing",
        "last": f"{last.action} {last.version} {last.outcome}" if last else "",
    }
    for name in sorted(live.sides):
        held = sorted(live.sides[name], key=lambda side: -side.share)
        facts[f"service {name}"] = ", ".join(f"{s.release} x {s.replicas}, {s.share} %" for s in held)
    facts |= {f"component {name}": version for name, version in sorted(live.components.items())}
    return Place(described.name, facts)


def _target(described: Environment) -> str:
    if described.target.docker:
        return f"docker {described.target.docker}"
    return "processes" if described.target.process else "what answers"


_OWN = frozenset({"last"})  # true of one environment only, and so no difference


def differences(one: Place, other: Place) -> list[tuple[str, str, str]]:
    """What is not the same in both: a name, and what it is in each."""
    names = dict.fromkeys((*one.facts, *other.facts))
    return [
        (name, one.facts.get(name, ""), other.facts.get(name, ""))
        for name in names
        if name not in _OWN and one.facts.get(name, "") != other.facts.get(name, "")
    ]
