"""The steady state: what is asked all the time, and whether the answers of a while keep a promise."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_PERIOD, _TIMEOUT = 0.15, 2.0  # seconds
_AFTER = 1e-6
_FEWEST = 4  # answers of each probe, without which nothing can be said


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one try: when it began (monotonic), how long it took, and what was said if it failed."""

    began: float
    seconds: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that is asked, and what is promised of it: percent that succeed, seconds of the 95th."""

    name: str
    ask: Callable[[], str]
    availability: float
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The answers of one probe over a while."""

    probe: Probe
    answers: Sequence[Answer]

    @property
    def availability(self) -> float:
        """The percentage of the time in which it succeeded: a try that hangs lasts as long as it hangs."""
        lasted = [(max(_PERIOD, answer.seconds), not answer.fault) for answer in self.answers]
        total = sum(seconds for seconds, _ in lasted)
        return 100 * sum(seconds for seconds, good in lasted if good) / total if total else 0.0

    @property
    def p95(self) -> float:
        """Seconds within which 95 % were answered."""
        times = sorted(answer.seconds for answer in self.answers)
        return times[math.ceil(0.95 * len(times)) - 1] if times else 0.0

    def broken(self, availability: float | None, p95: float | None) -> str:
        """What of a promise is not kept, in words; nothing when it is."""
        faults = [answer.fault for answer in self.answers if answer.fault]
        if availability is not None and self.availability < availability:
            count = f"{len(faults)} of {len(self.answers)} failed"
            return f"{self.probe.name}: {count}, the last with {faults[-1]}" if faults else ""
        if p95 is not None and self.p95 > p95:
            return f"{self.probe.name}: p95 {self.p95 * 1000:.0f} ms, promised are {p95 * 1000:.0f} ms"
        return ""


def request(url: str, token: str) -> str:
    """Ask once; what was wrong with the answer, nothing if it was good."""
    asked = Request(url, headers={"authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urlopen(asked, timeout=_TIMEOUT) as answer:  # noqa: S310 - our own gateway
            answer.read()
    except HTTPError as error:
        with error:
            return f"{error.code} {error.reason}".strip()
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    return ""


class Watch:
    """Asks all probes side by side, again and again, until it is left."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self.probes = probes
        self._answers: dict[str, list[Answer]] = {probe.name: [] for probe in probes}
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(p,), daemon=True) for p in probes]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(_TIMEOUT + 1)

    def between(self, begin: float, end: float) -> list[Seen]:
        """The answers to what was asked in a while."""
        return [
            Seen(probe, [a for a in [*self._answers[probe.name]] if begin <= a.began < end])
            for probe in self.probes
        ]

    def steady_since(self, begin: float, seconds: float, patience: float) -> tuple[float | None, list[Seen]]:
        """The first moment after `begin` from which all was well for so many seconds, and the last while.

        None when there is no such moment within `patience` seconds of `begin`.
        """
        start = begin
        while True:
            now = time.monotonic()
            seen = self.between(start, now)
            if well(seen) and now - start >= seconds:
                return start, seen
            failed = [answer.began for each in seen for answer in each.answers if answer.fault]
            start = max([start, *(moment + _AFTER for moment in failed)])
            if now - start >= 2 * seconds:  # nothing fails, but it is late: look at the latest only
                start = now - seconds
            if start - begin > patience or now - begin > patience + seconds + _TIMEOUT:
                return None, self.between(now - _TIMEOUT, now)
            self._end.wait(_PERIOD / 3)

    def _ask(self, probe: Probe) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            fault = probe.ask()
            self._answers[probe.name].append(Answer(began, time.monotonic() - began, fault))
            self._end.wait(max(0.0, began + _PERIOD - time.monotonic()))


def well(seen: Iterable[Seen]) -> bool:
    """Whether enough was asked, and every promise kept."""
    return all(
        len(each.answers) >= _FEWEST and not each.broken(each.probe.availability, each.probe.p95)
        for each in seen
    )


def worst(seen: Iterable[Seen]) -> list[str]:
    """What is not well, in words."""
    said = [each.broken(each.probe.availability, each.probe.p95) for each in seen if each.answers]
    return [words for words in said if words] + [f"{s.probe.name}: no answer" for s in seen if not s.answers]
