"""Carries out the steps of a plan on an engine: start, wait for readiness, stop, explain a failure."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from nexus_cli.apply import Outcome, StepFault, apply
from nexus_cli.engine.engine import Engine
from nexus_cli.engine.probe import ProbeResult
from nexus_cli.errors import NexusError
from nexus_cli.events import Emit, Failure, Note, StepProgress, StepWaiting
from nexus_cli.identity import listens_elsewhere, port_holder
from nexus_cli.plan import Plan, Step
from nexus_cli.stack.health import ask
from nexus_cli.stack.patience import Patience, processor_share
from nexus_cli.unit import Container, Observed, State, Unit

POLL = 0.03
_LONGEST_PAUSE, _SHARE = 0.25, 0.05
_STILL_WAITING = 3.0
_FRESH, _FRESH_EACH = 0.04, 0.0015  # seconds
LOG_LINES = 15
_STOPS = 32
_BUSY = 1.25


class Runner:
    """Executes the steps of one plan; units begun by it can be taken back when the person interrupts."""

    def __init__(self, engine: Engine, units: Sequence[Unit], emit: Emit) -> None:
        self.engine = engine
        self.units = {unit.name: unit for unit in units}
        self.emit = emit
        self.cancelled = threading.Event()
        self.begun: list[str] = []
        self.snapshot = Snapshot(engine)
        self.actions: Mapping[str, Callable[[Step], str]] = {
            "prepare": self._prepare,
            "start": self._start,
            "restart": self._start,
            "run": self._start,
            "await": self._ready,
            "configure": self._configure,
            "route": self._route,
            "stop": self._stop,
        }

    def run(self, plan: Plan) -> Outcome:
        """Carry out the plan; after Ctrl-C, stop what it had begun."""
        outcome = apply(
            plan,
            lambda step: self.actions[step.action](step),
            self.emit,
            self.cancelled,
            workers=_workers(plan),
        )
        if outcome.interrupted and self.begun:
            self.emit(Note(f"interrupted: stopping {', '.join(self.begun)}", "warning"))
            for name in reversed(self.begun):
                self.engine.stop(name)
        return outcome

    def _prepare(self, step: Step) -> str:
        self.engine.prepare(
            self.units[step.unit], lambda text: self.emit(StepProgress(step.id, step.unit, text))
        )
        return ""

    def _start(self, step: Step) -> str:
        self.begun.append(step.unit)
        self.engine.start(self.units[step.unit])
        return self._ready(step)

    def _configure(self, step: Step) -> str:
        from nexus_cli.stack import traffic

        unit, seen = self._running(step.unit)
        if unit.upstreams:
            traffic.shift(self.engine, unit, seen, self.cancelled)
        else:
            self.engine.configure(unit)
        return unit.url

    def _route(self, step: Step) -> str:
        from nexus_cli.stack import traffic

        unit, seen = self._running(step.unit)
        traffic.confirm(unit, seen, self.cancelled)
        return unit.url

    def _running(self, name: str) -> tuple[Unit, Observed]:
        seen = self.snapshot.get(name)
        if seen is None or seen.state is not State.RUNNING:
            raise NexusError(f"{name} does not run any more", hint=f"nexus logs {name}")
        return self.units[name], seen

    def _stop(self, step: Step) -> str:
        self.engine.stop(step.unit)
        return ""

    def _ready(self, step: Step) -> str:
        """Wait until the unit's probe answers (a job: until it exited 0); explain when it does not."""
        unit = self.units[step.unit]
        started = time.monotonic()
        patience = Patience(unit.start_seconds, processor_share)
        say = started + _STILL_WAITING
        probe = ProbeResult(ok=False, message="not asked yet")
        while not self.cancelled.is_set():
            seen = self.snapshot.get(unit.name, after=started)
            fault = _ended(unit, seen)
            if fault is not None:
                if seen is not None and seen.state is State.CRASHED:
                    self.engine.give_up(unit.name)
                raise StepFault(self.failure(unit, fault, seen, probe))
            if unit.may_end and seen is not None and seen.state is State.EXITED:
                return ""
            if unit.kind != "job" and seen is not None and seen.state is State.RUNNING:
                probe = ask(self.engine, unit, seen)
                if probe.ok:
                    self._refuse_stranger(unit, seen, probe)
                    self.engine.mark_ready(unit.name)
                    return unit.url
            left, now = patience.spend(), time.monotonic()
            if left <= 0:
                raise StepFault(self.failure(unit, _late(unit, patience), seen, probe))
            if now >= say:
                say = now + _STILL_WAITING
                why = f"{_why(unit, probe)} (giving up in {left:.0f} s)"
                self.emit(StepWaiting(step.id, unit.name, why))
            self.cancelled.wait(pause(unit.probe.interval if unit.probe else POLL, now - started))
        raise NexusError(f"{unit.name}: interrupted")

    def _refuse_stranger(self, unit: Unit, seen: Observed, probe: ProbeResult) -> None:
        """An answer counts only when the unit gave it, and not another program on its port."""
        for port in unit.ports.values():
            if seen.pid is not None and listens_elsewhere(port, seen.pid):
                reason = f"port {port} is answered by {port_holder(port) or 'another program'}"
                raise StepFault(self.failure(unit, reason, seen, probe))

    def failure(self, unit: Unit, reason: str, seen: Observed | None, probe: ProbeResult) -> Failure:
        """Everything a person needs to know about a unit that did not get ready."""
        lines = tuple(line.text for line in self.engine.logs([unit.name], tail=LOG_LINES))
        exit_code = seen.exit_code if seen else None
        held = _foreign_holder(unit, seen)
        return Failure(
            unit=unit.name,
            reason=reason + (f"; {held}" if held else ""),
            exit_code=exit_code,
            probe=probe.message if unit.probe and exit_code is None else None,
            log=lines,
            next=(f"nexus logs {unit.name}", "nexus status"),
        )


def _workers(plan: Plan) -> int:
    """How many steps are carried out side by side; what stops is only waited for."""
    return _STOPS if all(step.action == "stop" for step in plan.steps) else at_once()


def at_once() -> int:
    """How many units may be getting ready at the same time.

    More would not be ready earlier: they would share the same processors, and each miss its own deadline.
    """
    return max(8, 4 * (os.cpu_count() or 1))


def pause(interval: float, waited: float) -> float:
    """How long to wait before a unit is asked again: longer, the longer it has been awaited.

    Forty services that start at once have better use for the processor than to be asked forty times a second.
    """
    return max(interval, min(_LONGEST_PAUSE, waited * _SHARE))


class Snapshot:
    """What the engine observes, asked at most once in a short while however many threads want to know.

    The while is longer for many units: what each answer costs grows with them.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lock = threading.Lock()
        self.begun = 0.0
        self.units: dict[str, Observed] = {}

    def get(self, name: str, after: float = 0.0) -> Observed | None:
        """The unit as it was seen shortly before this call or later, and not before the moment `after`."""
        with self.lock:
            now = time.monotonic()
            fresh = max(_FRESH, _FRESH_EACH * len(self.units))
            if self.begun < max(after, now - fresh):
                self.units = {unit.name: unit for unit in self.engine.observe()}
                self.begun = now
            return self.units.get(name)


def _ended(unit: Unit, seen: Observed | None) -> str | None:
    if seen is None:
        return None
    if seen.state is State.CRASHED:
        return f"keeps crashing: gave up after {seen.restarts} restarts"
    if seen.state is State.EXITED and not (unit.may_end and seen.exit_code == 0):
        return seen.reason or f"ended with exit code {seen.exit_code}"
    return None


def _late(unit: Unit, patience: Patience) -> str:
    """That a unit did not get ready in its time, and how long that was if it passed slower than the clock."""
    late = f"not ready within {unit.start_seconds:g} s"
    slow = patience.waited > _BUSY * unit.start_seconds
    return f"{late} (in truth {patience.waited:.0f} s: the processors were busy)" if slow else late


def _why(unit: Unit, probe: ProbeResult) -> str:
    if unit.kind == "job":
        return "still running"
    return f"not ready: {probe.message}"


def _foreign_holder(unit: Unit, seen: Observed | None) -> str | None:
    """Who holds one of the unit's ports, when the unit itself does not run; an engine says so by itself."""
    if isinstance(unit.runtime, Container) or (seen is not None and seen.state is State.RUNNING):
        return None
    for port in unit.ports.values():
        holder = port_holder(port)
        if holder:
            return f"port {port} is held by {holder}"
    return None
