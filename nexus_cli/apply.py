"""Carries out a plan: every step as soon as its own predecessors are done; no decisions."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import FrameType

from nexus_cli.errors import INTERRUPTED, NexusError
from nexus_cli.events import (
    Emit,
    Failure,
    PlanFinished,
    PlanStarted,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from nexus_cli.plan import Plan, Step

Execute = Callable[[Step], str]
_TICK = 0.1
_NAMED = 4  # of those that a step waits for: nobody reads more


class StepFault(NexusError):
    """A step failed; carries the block that tells a person why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.unit}: {failure.reason}")
        self.failure = failure


@dataclass(slots=True)
class Outcome:
    """What became of a plan's steps, by their ids."""

    seconds: float = 0.0
    done: list[str] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether every step was done."""
        return not self.failed and not self.skipped and not self.interrupted

    @property
    def exit_code(self) -> int:
        """What a program is told of it."""
        return INTERRUPTED if self.interrupted else 0 if self.ok else 1


def apply(
    plan: Plan, execute: Execute, emit: Emit, cancelled: threading.Event, *, workers: int = 32
) -> Outcome:
    """Run the plan's graph in parallel; what depends on a failed step is skipped, the rest goes on.

    `execute` carries out one step and returns what it led to. On Ctrl-C, `cancelled` is set, running
    steps are awaited (they watch `cancelled`) and nothing new is begun.
    """
    emit(PlanStarted(plan.title, tuple((s.id, s.unit, s.action) for s in plan.steps)))
    size = max(1, min(workers, len(plan.steps)))
    run = _Run(plan, execute, emit, cancelled, size)
    with _on_interrupt(run.interrupt), ThreadPoolExecutor(size, thread_name_prefix="step") as pool:
        run.all(pool)
    outcome = run.outcome
    emit(
        PlanFinished(
            plan.title, outcome.seconds, len(outcome.done), len(outcome.failed), len(outcome.skipped)
        ),
    )
    return outcome


@contextlib.contextmanager
def _on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` on the first Ctrl-C, at whatever place; a second one raises as usual.

    An exception in the midst of a submission or of a line would leave them half done. Where Ctrl-C is not
    heard, as while something is taken back, it stays so.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, before)
        act()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Run:
    """One run of a plan: which steps wait, which run, and what became of them."""

    def __init__(
        self, plan: Plan, execute: Execute, emit: Emit, cancelled: threading.Event, size: int
    ) -> None:
        self.waiting = {step.id: step for step in plan.steps}
        self.known = frozenset(self.waiting)
        self.execute = execute
        self.emit = emit
        self.cancelled = cancelled
        self.size = size
        self.outcome = Outcome()
        self.running: dict[Future[str], tuple[Step, float]] = {}
        self.held: dict[str, tuple[str, ...]] = {}

    def interrupt(self) -> None:
        """The person pressed Ctrl-C."""
        self.outcome.interrupted = True
        self.cancelled.set()

    def all(self, pool: ThreadPoolExecutor) -> None:
        started = time.monotonic()
        while self.waiting or self.running:
            try:
                if not self.cancelled.is_set():
                    self._begin(pool)
                if not self.running:
                    self._skip_rest()
                    break
                finished, _ = wait(self.running, timeout=_TICK, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finish(future)
            except KeyboardInterrupt:
                self.interrupt()
        self.outcome.seconds = time.monotonic() - started

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        done = set(self.outcome.done)
        for step in list(self.waiting.values()):
            broken = [a for a in step.after if a in self.outcome.failed or a in self.outcome.skipped]
            blockers = tuple(a for a in step.after if a in self.known and a not in done)
            if broken:
                del self.waiting[step.id]
                self.outcome.skipped.append(step.id)
                verb = "failed" if broken[0] in self.outcome.failed else "was skipped"
                self.emit(StepSkipped(step.id, step.unit, step.action, f"{broken[0]} {verb}"))
            elif blockers:
                self._say_waiting(step, blockers)
            elif len(self.running) < self.size:  # one in line has not begun: no screen says so, no clock runs
                del self.waiting[step.id]
                self.emit(StepStarted(step.id, step.unit, step.action, step.cause))
                self.running[pool.submit(self.execute, step)] = (step, time.monotonic())

    def _say_waiting(self, step: Step, blockers: tuple[str, ...]) -> None:
        """Tell for whom a step waits; of many only the first, and again only when those are others."""
        units = tuple(dict.fromkeys(blocker.split(" ", 1)[1] for blocker in blockers))
        others = tuple(unit for unit in units if unit != step.unit)
        named = others[:_NAMED]
        if others and self.held.get(step.id) != named:
            self.held[step.id] = named
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            self.emit(StepWaiting(step.id, step.unit, f"waiting for {', '.join(named)}{more}", others))

    def _finish(self, future: Future[str]) -> None:
        step, started = self.running.pop(future)
        seconds = time.monotonic() - started
        fault = future.exception()
        if fault is None:
            self.outcome.done.append(step.id)
            self.emit(StepFinished(step.id, step.unit, step.action, seconds, future.result()))
            return
        if not isinstance(fault, NexusError):
            self.cancelled.set()
            raise fault
        if self.cancelled.is_set():
            self.outcome.skipped.append(step.id)
            self.emit(StepSkipped(step.id, step.unit, step.action, "interrupted"))
            return
        failure = fault.failure if isinstance(fault, StepFault) else _plain(step, fault)
        self.outcome.failed[step.id] = failure
        self.emit(StepFailed(step.id, step.unit, step.action, seconds, failure))

    def _skip_rest(self) -> None:
        why = "interrupted" if self.cancelled.is_set() else "its predecessors never ended"
        for step in self.waiting.values():
            self.outcome.skipped.append(step.id)
            self.emit(StepSkipped(step.id, step.unit, step.action, why))
        self.waiting.clear()


def _plain(step: Step, fault: NexusError) -> Failure:
    reason, *said = fault.message.split("\n")
    return Failure(step.unit, reason, log=tuple(said), next=(fault.hint,) if fault.hint else ())
