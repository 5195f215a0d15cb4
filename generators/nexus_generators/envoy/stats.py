"""What the data plane counted of a service's sides: requests, failures and how long they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_COUNTERS = ("upstream_rq_completed", "upstream_rq_5xx", "upstream_rq_active")


def stats_path(*sides: str) -> str:
    """The admin interface's path whose answer `counted` reads for these sides."""
    names = "|".join(side.replace(".", "\\.") for side in sides)
    counters = "|".join((*_COUNTERS, "upstream_rq_time"))
    return f"/stats?format=json&histogram_buckets=detailed&filter=^cluster\\.({names})\\.({counters})$"


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that a side answered, how many with 5xx, how many it still has, and times in milliseconds.

    `times` is by the upper bound of a bucket how many requests took that long.
    """

    requests: int = 0
    errors: int = 0
    active: int = 0
    times: Mapping[float, int] = field(default_factory=dict)

    def since(self, earlier: Counted) -> Counted:
        """What came after an earlier count."""
        times = {bound: count - earlier.times.get(bound, 0) for bound, count in self.times.items()}
        return Counted(
            max(0, self.requests - earlier.requests),
            max(0, self.errors - earlier.errors),
            self.active,
            {bound: count for bound, count in times.items() if count > 0},
        )

    @property
    def failing(self) -> float:
        """The percentage of requests that failed."""
        return 100 * self.errors / self.requests if self.requests else 0.0

    @property
    def p95(self) -> float | None:
        """The 95th percentile of the times in milliseconds; unknown before any is counted."""
        total = sum(self.times.values())
        reached = 0
        for bound, count in sorted(self.times.items()):
            reached += count
            if reached >= 0.95 * total:
                return bound
        return None


def counted(stats: Mapping[str, Any], side: str) -> Counted:
    """Read what was counted of a side from the answer to `stats_path`; of an unknown one nothing was."""
    prefix = f"cluster.{side}."
    numbers: dict[str, int] = {}
    times: dict[float, int] = {}
    for entry in stats.get("stats", ()):
        if "histograms" in entry:
            for histogram in entry["histograms"].get("details", ()):
                if histogram["name"] == f"{prefix}upstream_rq_time":
                    times = {b["lower_bound"] + b["width"]: int(b["count"]) for b in histogram["totals"]}
        elif entry["name"].startswith(prefix):
            numbers[entry["name"].removeprefix(prefix)] = int(entry["value"])
    completed, errors, active = (numbers.get(name, 0) for name in _COUNTERS)
    return Counted(completed, errors, active, times)
