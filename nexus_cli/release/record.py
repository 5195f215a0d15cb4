"""What a release is, and what of it serves in an environment: plain values that the ledger keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Artifact:
    """A service's code as it was released: a folder of that digest below `.nexus/artifacts/SERVICE`.

    `migrations` are its names in their order, `irreversible` those that lose data, with what they lose.
    """

    digest: str
    migrations: tuple[str, ...] = ()
    irreversible: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the whole platform, built once and never changed: its blueprints as texts, and its code.

    `made` is in seconds since the epoch, `commit` the full hash of what it was made from, empty outside git.
    """

    version: str
    commit: str
    dirty: bool
    actor: str
    reason: str
    made: float
    blueprints: Mapping[str, str]
    artifacts: Mapping[str, Artifact]

    def as_dict(self) -> dict[str, Any]:
        """The release as plain data for the ledger and for programs."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """The release that was written as plain data."""
        artifacts = {
            name: Artifact(found["digest"], tuple(found["migrations"]), found["irreversible"])
            for name, found in data["artifacts"].items()
        }
        return cls(**{**data, "artifacts": artifacts})


@dataclass(frozen=True, slots=True)
class Side:
    """The replicas of one release of a service, and the percentage of the service's requests that they get.

    `revision` counts the service's sides in an environment; `content` changes whenever what runs does.
    `image` is the identity of the image that the replicas are of, where they are containers.
    """

    service: str
    revision: int
    release: str
    replicas: int
    share: int
    content: str
    image: str = ""

    @property
    def name(self) -> str:
        """The name of its first unit, and of its cluster in the gateway."""
        return f"{self.service}.r{self.revision}"

    @property
    def units(self) -> tuple[str, ...]:
        """The names of its units."""
        return tuple(self.name if n == 1 else f"{self.name}.{n}" for n in range(1, self.replicas + 1))

    def sharing(self, percent: int) -> Side:
        """The same side with another share."""
        return replace(self, share=percent)


@dataclass(frozen=True, slots=True)
class Live:
    """What serves in an environment: sides by service, and by component the release that describes it.

    `base` is the release whose platform-wide settings hold, `revisions` the last number that was given to a
    side of each service.
    """

    base: str = ""
    sides: Mapping[str, tuple[Side, ...]] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)

    def with_sides(self, service: str, sides: Iterable[Side]) -> Live:
        """The same with other sides of a service; without any the service is gone."""
        others = {name: held for name, held in self.sides.items() if name != service}
        chosen = tuple(sides)
        return replace(self, sides=dict(sorted({**others, **({service: chosen} if chosen else {})}.items())))

    def serving(self, service: str) -> Side | None:
        """The side of a service that gets the most of its requests."""
        return max(self.sides.get(service, ()), key=lambda side: side.share, default=None)

    @property
    def units(self) -> frozenset[str]:
        """The names of all units of all sides."""
        return frozenset(unit for held in self.sides.values() for side in held for unit in side.units)

    @property
    def versions(self) -> tuple[str, ...]:
        """The releases that have a part in it."""
        held = (side.release for sides in self.sides.values() for side in sides)
        return tuple(dict.fromkeys(v for v in (self.base, *held, *self.components.values()) if v))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the ledger."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """What was written as plain data."""
        sides = {name: tuple(Side(**side) for side in held) for name, held in data["sides"].items()}
        return cls(data["base"], sides, data["components"], data["revisions"])
