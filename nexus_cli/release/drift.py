"""What runs in an environment against what the ledger says should run there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nexus_cli.errors import NexusError
from nexus_cli.stack import traffic
from nexus_cli.stack.health import Report, examine
from nexus_cli.stack.reconcile import changed_parts
from nexus_cli.unit import Observed, State, Unit

if TYPE_CHECKING:
    from nexus_cli.release.estate import Estate

_WELL = frozenset({"ready", "done", "running"})


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as the ledger says: `what` is missing, unknown, changed, unwell or routing."""

    unit: str
    what: str
    why: str

    def as_dict(self) -> dict[str, str]:
        """Plain data for programs."""
        return asdict(self)


def drift(estate: Estate) -> list[Drift]:
    """Everything that is not as the ledger says; nothing where nothing was ever deployed."""
    live = estate.live()
    stack = estate.stack(live) if live.base else None
    units = stack.units if stack else []
    reports = examine(stack, units) if stack else []
    found = list(deviations(reports, estate.engine.observe()))
    gateway = estate.gateway_unit(live) if live.base else None
    seen = next((r.seen for r in reports if gateway is not None and r.unit.name == gateway.name), None)
    if gateway is not None and seen is not None and seen.state is State.RUNNING:
        found += routing(gateway, seen)
    return found


def deviations(reports: Sequence[Report], observed: Sequence[Observed]) -> Iterator[Drift]:
    """What is missing, changed or unwell of what should run, and what runs that should not; pure."""
    known = {report.unit.name for report in reports}
    for report in reports:
        unit, seen = report.unit, report.seen
        if unit.kind == "job" and seen is None:
            continue  # done in a run whose traces are gone; it would only be done again by a deployment
        if seen is None:
            yield Drift(unit.name, "missing", "it does not run")
        elif seen.fingerprint != unit.fingerprint:
            parts = ", ".join(changed_parts(seen.fingerprint, unit.fingerprint))
            yield Drift(unit.name, "changed", f"it was begun with another {parts}")
        elif report.health not in _WELL:
            said = f": {report.probe.message}" if report.probe else ""
            yield Drift(unit.name, "unwell", f"{report.health}{said}")
    for other in observed:
        if other.name not in known and (other.kind != "job" or other.state is State.RUNNING):
            yield Drift(other.name, "unknown", "it runs, and no release that serves has it")


def same(written: str | None, content: str) -> bool:
    """Whether a file says what it should; JSON may be laid out as another version of nexus does it."""
    if written is None or written == content:
        return written == content
    try:
        return bool(json.loads(written) == json.loads(content))
    except ValueError:
        return False


def routing(gateway: Unit, seen: Observed) -> Iterator[Drift]:
    """Where the gateway's files, or its data plane, lead elsewhere than the ledger says."""
    for name, file in gateway.files.items():
        if not same(gateway.written(name), file.content):
            yield Drift(gateway.name, "routing", f"{name} is not as it was written")
    try:
        if not traffic.holds(gateway, seen):
            yield Drift(gateway.name, "routing", "the data plane sends requests elsewhere")
    except NexusError as fault:
        yield Drift(gateway.name, "unwell", fault.message)
