"""What happens while a plan is carried out: small frozen facts that renderers show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a unit failed, with everything a person needs to act on it."""

    unit: str
    reason: str
    exit_code: int | None = None
    probe: str | None = None
    log: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanStarted:
    """A plan begins; `steps` are (id, unit, action) in the plan's order."""

    title: str
    steps: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins, `cause` says why it is in the plan."""

    id: str
    unit: str
    action: str
    cause: str


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """A step cannot go on yet: `on` names what it waits for and `why` says in words."""

    id: str
    unit: str
    why: str
    on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One line of progress inside a running step."""

    id: str
    unit: str
    message: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is done after `seconds`; `detail` is what it led to (a URL, a size)."""

    id: str
    unit: str
    action: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed after `seconds`."""

    id: str
    unit: str
    action: str
    seconds: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step was not begun because of another one."""

    id: str
    unit: str
    action: str
    why: str


@dataclass(frozen=True, slots=True)
class PlanFinished:
    """A plan ended after `seconds`: every step done, or some failed or skipped."""

    title: str
    seconds: float
    done: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Note:
    """A message for the person that belongs to no step; `level` is info, warning or error."""

    message: str
    level: str = "info"
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows of facts at the end of a command (the renderer draws the table)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(default=())


Event = (
    PlanStarted
    | StepStarted
    | StepWaiting
    | StepProgress
    | StepFinished
    | StepFailed
    | StepSkipped
    | PlanFinished
    | Note
    | Summary
)
Emit = Callable[[Event], None]
