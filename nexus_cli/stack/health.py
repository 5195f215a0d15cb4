"""How the units of a stack are now: what the engine sees, and what their probes answer this moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_cli.engine.probe import Behind, ProbeResult, check
from nexus_cli.unit import Observed, State, Unit

if TYPE_CHECKING:
    from nexus_cli.engine.engine import Engine
    from nexus_cli.stack.stack import Stack

CHEAP = frozenset({"http", "tcp"})
"""The kinds of probes that cost nothing worth saving."""


@dataclass(frozen=True, slots=True)
class Report:
    """A unit, what the engine sees of it (None: it does not run) and its probe's answer if it was asked."""

    unit: Unit
    seen: Observed | None
    probe: ProbeResult | None

    @property
    def health(self) -> str:
        """One word or two: ready, not ready, done, crashed, exited, down."""
        if self.seen is None:
            return "down"
        if self.seen.state is State.EXITED:
            if self.seen.exit_code is None:
                return "not started"
            done = self.unit.may_end and self.seen.exit_code == 0
            return "done" if done else f"exited {self.seen.exit_code}"
        if self.seen.state is not State.RUNNING:
            return str(self.seen.state)
        if self.unit.kind == "job":
            return "running"
        return "ready" if self.probe is None or self.probe.ok else "not ready"


def ask(engine: Engine, unit: Unit, seen: Observed) -> ProbeResult:
    """One try of a unit's probe; of its log, only what it printed since its start counts."""
    if unit.probe is None:
        return ProbeResult(ok=True, message="no health check")
    return check(
        unit.probe,
        *seen.reach(unit.probe.port or 0),
        behind=_behind(seen, unit.probe.port or 0),
        execute=lambda command: engine.probe_command(unit, command),
        log_lines=lambda: [line.text for line in engine.logs([unit.name], since=seen.since)],
    )


def _behind(seen: Observed, port: int) -> Behind:
    """What stands before a port that is not reached itself."""
    if seen.address or port not in seen.published:
        return Behind.NOTHING
    return Behind.RELAY if seen.far else Behind.PROXY


def examine(stack: Stack, units: Sequence[Unit], *, again: bool = True) -> list[Report]:
    """A report of each unit; probes are asked side by side.

    Without `again`, a unit that got ready is not asked anew by what would cost as much as it tells.
    """
    observed = {unit.name: unit for unit in stack.engine.observe()}

    def report(unit: Unit) -> Report:
        seen = observed.get(unit.name)
        if unit.probe is None or seen is None or seen.state is not State.RUNNING:
            return Report(unit, seen, None)
        if seen.ready and not again and unit.probe.kind not in CHEAP:
            return Report(unit, seen, ProbeResult(ok=True, message="has answered"))
        return Report(unit, seen, ask(stack.engine, unit, seen))

    with ThreadPoolExecutor(max_workers=min(16, max(1, len(units)))) as pool:
        return list(pool.map(report, units))
