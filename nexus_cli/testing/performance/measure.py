"""What a load test measured, held against its bounds and against the last run; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus_generators.envoy import Counted

from nexus_cli.blueprint.model import Verdict
from nexus_cli.release.verdict import Judgement, judge
from nexus_cli.testing.performance.k6 import Sample, Threshold

_BINS = 120  # points of a chart, at most
_FINEST = 0.1  # milliseconds


@dataclass(frozen=True, slots=True)
class Moment:
    """What was measured in a part of the time: its begin in seconds, requests, failures, two percentiles."""

    begin: float
    requests: int
    failed: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Measured:
    """All requests of one name; `statuses` are those of the failed ones."""

    name: str
    counted: Counted
    moments: tuple[Moment, ...] = ()
    statuses: Mapping[str, int] = field(default_factory=dict)

    def percentile(self, percent: float) -> float:
        """The time in milliseconds within which so many percent were answered."""
        return percentile(self.counted.times, percent)


def percentile(times: Mapping[float, int], percent: float) -> float:
    """The value that so many percent of the counted times reach at most; 0 when there are none."""
    wanted, reached = math.ceil(sum(times.values()) * percent / 100), 0
    for time, count in sorted(times.items()):
        reached += count
        if reached >= wanted:
            return time
    return 0.0


def measure(samples: Iterable[Sample]) -> list[Measured]:
    """The requests by name, in the order of their names."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.name, []).append(sample)
    if not found:
        return []
    begin = min(each[0].time for each in found.values())
    end = max(each[-1].time for each in found.values())
    width = max(1.0, (end - begin) / _BINS)
    return [_measured(name, found[name], begin, width) for name in sorted(found)]


def _measured(name: str, samples: Sequence[Sample], begin: float, width: float) -> Measured:
    bins: dict[int, list[Sample]] = {}
    for sample in samples:
        bins.setdefault(max(0, int((sample.time - begin) / width)), []).append(sample)
    moments = tuple(_moment(number * width, bins[number]) for number in sorted(bins))
    statuses = Counter(sample.status for sample in samples if sample.failed)
    failed = sum(sample.failed for sample in samples)
    return Measured(name, Counted(len(samples), failed, 0, _times(samples)), moments, dict(statuses))


def _moment(begin: float, samples: Sequence[Sample]) -> Moment:
    times = _times(samples)
    failed = sum(sample.failed for sample in samples)
    return Moment(begin, len(samples), failed, percentile(times, 50), percentile(times, 95))


def _times(samples: Sequence[Sample]) -> dict[float, int]:
    return dict(Counter(round(math.ceil(s.milliseconds / _FINEST) * _FINEST, 1) for s in samples))


def bounds_of(name: str, thresholds: Iterable[Threshold]) -> list[Threshold]:
    """The bounds that the script has for the requests of a name."""
    return [threshold for threshold in thresholds if threshold.metric.endswith(f"{{name:{name}}}")]


def crossed(measured: Measured, thresholds: Iterable[Threshold]) -> list[str]:
    """What is wrong with the requests of a name, in words; nothing when they keep their bounds."""
    counted, words = measured.counted, []
    for bound in (b for b in bounds_of(measured.name, thresholds) if b.crossed):
        if bound.metric.startswith("http_req_failed"):
            statuses = ", ".join(_status(s, n) for s, n in sorted(measured.statuses.items()))
            words.append(f"{counted.failing:.1f} % of {counted.requests} failed ({statuses}); {bound.bound}")
        else:
            p50, p95 = (measured.percentile(percent) for percent in (50, 95))
            words.append(f"too slow: p95 {p95:.0f} ms, p50 {p50:.0f} ms; {bound.bound}")
    return words


def _status(status: str, count: int) -> str:
    return f"{count} x {'no answer' if status == '0' else status}"


def unasked(measured: Sequence[Measured], thresholds: Iterable[Threshold]) -> list[str]:
    """The names that have bounds but no request: such a bound is kept by nobody."""
    asked = {each.name for each in measured}
    names = {t.metric.partition("{name:")[2].removesuffix("}") for t in thresholds if "{name:" in t.metric}
    return sorted(names - asked)


def compared(measured: Measured, before: Counted | None, rule: Verdict) -> Judgement | None:
    """Whether the requests do as well as in an earlier run, beyond what one machine's noise does."""
    return None if before is None else judge(before, measured.counted, rule, final=True)


def figures(measured: Measured, seconds: float) -> dict[str, float]:
    """What is reported of the requests of a name."""
    return {
        "requests/s": round(measured.counted.requests / seconds, 1),
        "failed (%)": round(measured.counted.failing, 2),
        "p95 (ms)": measured.percentile(95),
    }


def remembered(measured: Sequence[Measured], circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """A run as it is kept for the next one."""
    return {
        "circumstances": dict(circumstances),
        "requests": {
            each.name: {
                "requests": each.counted.requests,
                "errors": each.counted.errors,
                "times": {f"{time:g}": count for time, count in sorted(each.counted.times.items())},
            }
            for each in measured
        },
    }


def recalled(kept: Mapping[str, Any], circumstances: Mapping[str, Any]) -> dict[str, Counted]:
    """The requests of an earlier run by name; none of one under other circumstances, which says nothing."""
    if kept.get("circumstances") != dict(circumstances):
        return {}
    return {
        name: Counted(
            int(found["requests"]),
            int(found["errors"]),
            0,
            {float(time): int(count) for time, count in found["times"].items()},
        )
        for name, found in kept.get("requests", {}).items()
    }
