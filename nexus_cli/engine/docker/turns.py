"""Who may ask an engine for what when: it is bound by the processor, and starting counts first."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

# More at once only makes each of them late.
STARTS, COMMANDS = 4, 2
_GIVES_WAY = 2.0


class Turns:
    """So many containers are started at once, and so few health commands run beside them.

    A command costs a fifth of a start, and much of that in vain while its unit is still loading: it gives
    way to containers that stand in line, but no longer than two seconds, as others may wait for its answer.
    """

    def __init__(self) -> None:
        self._starting = threading.Semaphore(STARTS)
        self._commanding = threading.Semaphore(COMMANDS)
        self._line = threading.Condition()
        self._in_line = 0

    @contextlib.contextmanager
    def start(self) -> Iterator[None]:
        """The turn of a container that is started."""
        self._queue(1)
        try:
            self._starting.acquire()
        finally:
            self._queue(-1)
        try:
            yield
        finally:
            self._starting.release()

    @contextlib.contextmanager
    def command(self) -> Iterator[None]:
        """The turn of a health command."""
        with self._line:
            self._line.wait_for(lambda: not self._in_line, timeout=_GIVES_WAY)
        with self._commanding:
            yield

    def _queue(self, more: int) -> None:
        with self._line:
            self._in_line += more
            self._line.notify_all()
