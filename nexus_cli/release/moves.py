"""The steps that only deployments have: moving requests between sides, watching one, letting one end."""

from __future__ import annotations

from dataclasses import dataclass, field

from nexus_cli.blueprint.model import Smoke, Verdict
from nexus_cli.plan import Step
from nexus_cli.release.record import Side


@dataclass(frozen=True, slots=True)
class Shift(Step):
    """From now on a service's requests are shared by these sides."""

    sides: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch(Step):
    """For `seconds`, see how the side does beside the one that it replaces (empty: beside none)."""

    side: str = ""
    against: str = ""
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict.model_construct)
    conclusive: bool = False
    """Whether too few requests for a verdict stop everything here, instead of passing for good."""


@dataclass(frozen=True, slots=True)
class Drain(Step):
    """Wait until a side has no request any more, for at most so many seconds."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check(Step):
    """Ask a unit something, before anyone else does."""

    smoke: Smoke | None = None


def shift(service: str, sides: tuple[Side, ...], cause: str, part: str) -> Shift:
    """Move a service's requests; `part` names the step among those of the same service."""
    return Shift("shift", service, cause, part=part, sides=sides)
