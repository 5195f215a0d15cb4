"""A clause of the service contract, and how one is found to be broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar

from nexus_cli.errors import NexusError

if TYPE_CHECKING:
    from nexus_cli.conformance.rig import Rig

Answers = Mapping[str, Any]
"""What a service's template is told: the variables that come from its blueprint."""

T = TypeVar("T")
_POLL = 0.025
_OTHER_SHAPES = (AttributeError, LookupError, OSError, TypeError, ValueError)
"""What comes of an answer that is nothing like what the contract says, or of none."""


class ViolationError(NexusError):
    """A service does not do what a clause says: what was expected, and what was seen."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: `check` raises a `ViolationError`; `applies` says to which services it speaks."""

    check: Callable[[Rig], None]
    applies: Callable[[Answers], bool] = lambda _: True

    @property
    def name(self) -> str:
        """Its name, such as `errors-are-problems`."""
        return self.check.__name__.replace("_", "-")

    @property
    def says(self) -> str:
        """What the contract says, in one sentence."""
        return (self.check.__doc__ or "").strip().splitlines()[0]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a clause: kept, or broken for the reason; `seconds` is how long the answer took."""

    clause: Clause
    reason: str = ""
    seconds: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether the service does what the clause says."""
        return not self.reason


def judge(clause: Clause, rig: Rig) -> Verdict:
    """Hold a service to a clause."""
    began = time.monotonic()
    try:
        clause.check(rig)
    except ViolationError as violation:
        return Verdict(clause, str(violation), time.monotonic() - began)
    except _OTHER_SHAPES as error:
        return Verdict(clause, f"{type(error).__name__}: {error}", time.monotonic() - began)
    return Verdict(clause, seconds=time.monotonic() - began)


def expect(what: str, found: object, wanted: object) -> None:
    """Raise when something is not what the contract says."""
    if found != wanted:
        raise ViolationError(f"{what}: expected {wanted!r}, found {found!r}")


def require(what: str, holds: object, found: object = "") -> None:
    """Raise when something does not hold; `found` is what was seen instead."""
    if not holds:
        raise ViolationError(f"{what}; found {found!r}" if found != "" else what)


def within(seconds: float, what: str, attempt: Callable[[], T | None]) -> T:
    """The first true answer; raise when there is none in time. A refused or broken connection is none."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = attempt()
        except (OSError, HTTPException):
            answer = None
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise ViolationError(f"{what} did not happen within {seconds:g} s")
        time.sleep(_POLL)
