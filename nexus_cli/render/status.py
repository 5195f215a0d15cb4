"""Reports of units as a table and as data."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from nexus_cli.events import Summary
from nexus_cli.render.rows import COLUMNS, row
from nexus_cli.stack.health import Report, examine
from nexus_cli.stack.stack import Stack
from nexus_cli.unit import Unit

_PAUSE = 1.0


def overview(stack: Stack, units: Sequence[Unit]) -> Summary:
    """The table at the end of `up`: every unit but the jobs that are done."""
    reports = examine(stack, units, again=False)
    return table(stack.title, [report for report in reports if not _over(report)])


def table(title: str, reports: Sequence[Report]) -> Summary:
    """Reports as rows."""
    rows = (row(r.unit.name, r.unit.kind, r.health, r.unit.url, r.seen) for r in reports)
    return Summary(title, COLUMNS, tuple(rows))


def brief(title: str, reports: Sequence[Report]) -> Summary:
    """Every unit but the jobs that are done; those, and how many are well, are counted."""
    shown = [report for report in reports if not _over(report)]
    unwell, done = sum(not well(report) for report in shown), len(reports) - len(shown)
    said = [title, f"{len(shown) - unwell} of {len(shown)} well"]
    said += [f"{done} job{'s'[: done > 1]} done"] if done else []
    return table(" · ".join(said), shown)


def glance(title: str, reports: Sequence[Report], height: int) -> Summary:
    """As many units as a screen has room for, what is not well first; jobs that are done are counted."""
    found = brief(title, sorted(reports, key=well))
    rows = found.rows
    room = max(1, height - 3)  # the title, the names of the columns, and what is left out
    if len(rows) > room:
        more = f"… {len(rows) - room} more"
        rows = (*rows[:room], (more, *[""] * (len(COLUMNS) - 1)))
    return Summary(found.title, COLUMNS, rows)


def _over(report: Report) -> bool:
    return report.unit.kind == "job" and report.health == "done"


def follow(stack: Stack, units: Sequence[Unit], *, as_json: bool) -> None:
    """Show the table anew every second: in place on a terminal, one after the other elsewhere."""
    with contextlib.suppress(KeyboardInterrupt):
        if as_json or not sys.stdout.isatty():
            while True:
                reports = examine(stack, units)
                text = json.dumps([as_dict(r) for r in reports]) if as_json else _plain(stack.title, reports)
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
                time.sleep(_PAUSE)
        from rich.live import Live

        from nexus_cli.render.live import summary

        with Live(auto_refresh=False, screen=True) as screen:
            while True:
                seen = glance(stack.title, examine(stack, units), screen.console.height)
                screen.update(summary(seen), refresh=True)
                time.sleep(_PAUSE)


def _plain(title: str, reports: Sequence[Report]) -> str:
    from nexus_cli.render import plain

    return "\n".join([*plain.table(table(title, reports)), ""])


def well(report: Report) -> bool:
    """Whether the unit is as it should be."""
    return report.health in {"ready", "done", "running"}


def as_dict(report: Report) -> dict[str, Any]:
    """A report as plain data."""
    seen = report.seen
    return {
        "name": report.unit.name,
        "kind": report.unit.kind,
        "health": report.health,
        "state": str(seen.state) if seen else None,
        "url": report.unit.url or None,
        "ports": dict(report.unit.ports),
        "pid": seen.pid if seen else None,
        "container": (seen.container or None) if seen else None,
        "since": seen.since if seen else None,
        "restarts": seen.restarts if seen else 0,
        "exit_code": seen.exit_code if seen else None,
        "probe": report.probe.message if report.probe else None,
    }
