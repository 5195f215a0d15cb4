"""Whether a new release does as well as the one beside it, from what the gateway counted of both; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nexus_generators.envoy import Counted

from nexus_cli.blueprint.model import Verdict

_EXCESS = 3  # failures beyond what is allowed that need no more evidence
_CERTAIN = 3.1  # standard deviations: one time in a thousand it is chance
_NOTICEABLE = 25.0  # milliseconds: below, one machine's noise decides and not the release


class Says(StrEnum):
    """What can be said of a new release."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said, and why in words."""

    says: Says
    why: str


def judge(stable: Counted, new: Counted, rule: Verdict, *, final: bool) -> Judgement:
    """Compare what both sides were seen to do; before the `final` look, only what is beyond doubt is bad."""
    words = (
        f"{new.requests} requests, {_rate(new)} (old: {_rate(stable)}), p95 {_ms(new)} (old: {_ms(stable)})"
    )
    allowed = new.requests * min(100.0, stable.failing + rule.errors) / 100
    enough = new.requests >= rule.requests
    if new.errors - allowed >= (1 if final and enough else _EXCESS):
        return Judgement(Says.BAD, f"fails too often: {words}")
    if not enough:
        least = f"{rule.requests} are needed" if new.requests else f"no requests, {rule.requests} are needed"
        return Judgement(Says.UNCLEAR, f"too few requests for a verdict: {words}; {least}")
    if _slow(stable, new, rule):
        return Judgement(Says.BAD, f"is too slow: {words}")
    return Judgement(Says.GOOD, words)


def _slow(stable: Counted, new: Counted, rule: Verdict) -> bool:
    if new.p95 is None or stable.p95 is None or sum(new.times.values()) < rule.requests:
        return False
    worse = new.p95 > stable.p95 * rule.latency and new.p95 - stable.p95 > _NOTICEABLE
    return worse and slower(stable.times, new.times) > _CERTAIN


def slower(stable: Mapping[float, int], new: Mapping[float, int]) -> float:
    """How surely `new` takes longer, in standard deviations of a Mann-Whitney test; counts are by time.

    A percentile of a few requests says little, their ranks among all say much more.
    """
    before = above = tied = 0.0
    for time in sorted(stable.keys() | new.keys()):
        old_here, new_here = stable.get(time, 0), new.get(time, 0)
        above += new_here * (before + old_here / 2)
        before += old_here
        tied += (old_here + new_here) ** 3 - (old_here + new_here)
    olds, news = sum(stable.values()), sum(new.values())
    total = olds + news
    if not olds or not news:
        return 0.0
    variance = olds * news / 12 * (total + 1 - tied / (total * (total - 1)))
    return (above - olds * news / 2) / math.sqrt(variance) if variance > 0 else 0.0


def _rate(side: Counted) -> str:
    return f"{side.failing:.1f} % failed"


def _ms(side: Counted) -> str:
    return "unknown" if side.p95 is None else f"{side.p95:.0f} ms"
