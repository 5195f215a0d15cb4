"""A unit as a row of the table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus_cli.unit import Observed

COLUMNS = ("unit", "kind", "health", "address", "up", "restarts", "id")


def row(name: str, kind: str, health: str, url: str, seen: Observed | None) -> tuple[str, ...]:
    """The cells of a unit; its ID is that of its process or of its container."""
    up = age(time.time() - seen.since) if seen and seen.since else ""
    restarts = str(seen.restarts) if seen and seen.restarts else ""
    return name, kind, health, url, up, restarts, _id(seen)


def _id(seen: Observed | None) -> str:
    if seen is None:
        return ""
    return seen.container or (str(seen.pid) if seen.pid else "")


def age(seconds: float) -> str:
    """How long something has run: 12 s, 3 min, 5 h, 2 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
