"""What a saga is, and what follows from how a step went; whoever carries it decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class RejectedError(Exception):
    """Raised by a step that did nothing and never will: what was done before is taken back at once."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a step is given: the saga's input, and what the steps before it have answered, all of it JSON."""

    saga_id: str
    step: str
    input: Any
    results: dict[str, Any]

    @property
    def key(self) -> str:
        """The same each time that the step is tried: what it calls uses it to do the work once."""
        return f"{self.saga_id}:{self.step}"


Action = Callable[[Context], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done, and what takes it back.

    A step may be tried more than once, and `undo` is called as well for one that failed or ran out of time
    without saying whether it did anything: both have to be such that twice is as good as once.
    """

    name: str
    action: Action
    undo: Action | None = None
    timeout: float = 30.0
    attempts: int = 5
    pause: float = 0.5
    longest: float = 60.0

    def wait(self, attempt: int) -> float:
        """Seconds before the attempt after this one."""
        return float(min(self.pause * 2.0 ** (attempt - 1), self.longest))


@dataclass(frozen=True, slots=True)
class Saga:
    """Steps in order, under a name and version: one that runs stays with the version it began with."""

    name: str
    steps: tuple[Step, ...]
    version: int = 1

    def __post_init__(self) -> None:
        """Refuse what could not be carried."""
        names = [step.name for step in self.steps]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{self.name} has steps, each with a name of its own")


class Status(StrEnum):
    """How far a saga is; `failed` means that a step could not be taken back, so that a person must look."""

    RUNNING = "running"
    COMPENSATING = "compensating"
    COMPLETED = "completed"
    COMPENSATED = "compensated"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {Status.RUNNING, Status.COMPENSATING}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a saga stands: what its steps answered, and why it was taken back."""

    id: str
    status: Status
    results: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a saga stands: the step that is tried or taken back next, and how often that was tried."""

    status: Status = Status.RUNNING
    step: int = 0
    attempt: int = 1
    wait: float = 0.0
    reason: str = ""


def after_success(saga: Saga, progress: Progress) -> Progress:
    """Say what follows a step that was done, or taken back."""
    if progress.status is Status.COMPENSATING:
        return _taking_back(saga, replace(progress, attempt=1, wait=0.0), progress.step - 1)
    last = progress.step + 1 == len(saga.steps)
    status = Status.COMPLETED if last else Status.RUNNING
    return Progress(status, progress.step + (not last))


def after_failure(saga: Saga, progress: Progress, error: BaseException) -> Progress:
    """Say what follows a failure: another attempt, taking back, or the end."""
    step, said = saga.steps[progress.step], f"{type(error).__name__}: {error}"
    rejected = isinstance(error, RejectedError)
    if progress.attempt < step.attempts and not rejected:
        return replace(progress, attempt=progress.attempt + 1, wait=step.wait(progress.attempt))
    if progress.status is Status.COMPENSATING:
        reason = f"{progress.reason}; {step.name} could not be taken back: {said}"
        return replace(progress, status=Status.FAILED, reason=reason)
    first = progress.step - 1 if rejected else progress.step
    return _taking_back(saga, Progress(Status.COMPENSATING, reason=f"{step.name}: {said}"), first)


def _taking_back(saga: Saga, progress: Progress, step: int) -> Progress:
    """Go back to the last step that can be taken back."""
    while step >= 0 and saga.steps[step].undo is None:
        step -= 1
    if step < 0:
        return replace(progress, status=Status.COMPENSATED, step=0)
    return replace(progress, step=step)
