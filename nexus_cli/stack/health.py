"""How the units of a stack are now: what the engine sees, and what their probes answer this moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nexus_cli.engine.engine import Engine
from nexus_cli.engine.probe import ProbeResult, check
from nexus_cli.stack.stack import Stack
from nexus_cli.unit import Observed, State, Unit


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
            return (
                "done"
                if self.unit.kind == "job" and self.seen.exit_code == 0
                else f"exited {self.seen.exit_code}"
            )
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
        proxied=not seen.address and (unit.probe.port or 0) in seen.published,
        execute=lambda command: engine.probe_command(unit, command),
        log_lines=lambda: [line.text for line in engine.logs([unit.name], since=seen.since)],
    )


def examine(stack: Stack, units: Sequence[Unit]) -> list[Report]:
    """A report of each unit; probes are asked side by side."""
    observed = {unit.name: unit for unit in stack.engine.observe()}

    def report(unit: Unit) -> Report:
        seen = observed.get(unit.name)
        asked = unit.probe is not None and seen is not None and seen.state is State.RUNNING
        return Report(unit, seen, ask(stack.engine, unit, seen) if asked and seen else None)

    with ThreadPoolExecutor(max_workers=min(16, max(1, len(units)))) as pool:
        return list(pool.map(report, units))
