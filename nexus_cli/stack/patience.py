"""How long is waited for a unit to get ready: in seconds that it could use, not in those of a busy clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_LEAST = 1 / 8  # a machine that is never idle does not hide for ever that a unit hangs
_RUNNING = Path("/proc/loadavg")


class Patience:
    """What is left of a unit's time to get ready.

    A second counts as the share of a processor that whoever computes then gets on average: `start: 60s` means
    the same on a machine to itself and on one where forty services start and others work. What hangs does not
    compute, so on an idle machine it has its 60 seconds and no more.
    """

    def __init__(
        self, seconds: float, share: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._clock = clock
        self._began = self._last = clock()
        self.left = seconds

    def spend(self) -> float:
        """Take off what has passed since the last call; what is left now."""
        now = self._clock()
        self.left -= (now - self._last) * self._share()
        self._last = now
        return self.left

    @property
    def waited(self) -> float:
        """Seconds by the clock since it began, as of the last call of `spend`."""
        return self._last - self._began


def processor_share() -> float:
    """The share of a processor that each of those gets who want one now: 1 if there is one for all."""
    return share_of(_wanting(), os.cpu_count() or 1)


def share_of(wanting: float, processors: int) -> float:
    """The share where so many want so many processors, within limits."""
    return max(_LEAST, min(1.0, processors / max(wanting, 1.0)))


def _wanting() -> float:
    """How many want a processor now; where the system does not tell, in the last minute on average."""
    try:
        return float(_RUNNING.read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, LookupError, ValueError):
        return os.getloadavg()[0]
