"""What every bus does, whatever carries it."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from prometheus_client import Counter, Histogram

from .event import Event

if TYPE_CHECKING:
    from datetime import datetime

    from .schemas import Schemas

Handler = Callable[[Event], Awaitable[None]]
published = Counter("bus_events_published_total", "Events published", ["type"])
handled = Counter("bus_events_handled_total", "Events handled", ["type", "group", "outcome"])
dead = Counter("bus_events_dead_total", "Events that no attempt could handle", ["type", "group"])
seconds = Histogram("bus_event_handling_seconds", "Time that handlers take", ["type", "group"])
_AGAIN = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """How often an event is handed out, and how long after a failure: doubled each time, up to `longest`."""

    attempts: int = 5
    pause: float = 0.5
    longest: float = 60.0

    def wait(self, attempt: int) -> float:
        """Seconds before the attempt after this one."""
        return min(self.pause * 2.0 ** (attempt - 1), self.longest)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that its group could not handle, and why."""

    event: Event
    group: str
    reason: str


class Bus(ABC):
    """Publishes and hands out events; used as an async context manager."""

    def __init__(
        self, stream: str, policy: Policy | None = None, schemas: Schemas | None = None
    ) -> None:
        self.stream = stream
        self.policy = policy or Policy()
        self.schemas = schemas
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hand out nothing more, then disconnect."""
        await self.stop()

    async def publish(self, event: Event) -> None:
        """Return when it is stored; one with an identifier that is known is not stored again."""
        if self.schemas is not None:
            await self.schemas.refresh(event.type)
            self.schemas.check(event.type, event.data)
        await self.store(event)
        published.labels(event.type).inc()

    async def subscribe(self, kind: str, handler: Handler, *, group: str) -> None:
        """Hand every event of a type to one member of the group, those from before it began as well."""
        await self.join(kind, group)
        task = asyncio.create_task(self.consume(kind, group, handler))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Hand out nothing more, then let go of the connection."""
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_AGAIN)  # a client's own time limit may swallow one
        await self.close()

    async def attempt(
        self, event: Event, group: str, handler: Handler, number: int
    ) -> float | None:
        """Try once: None when nothing is left to do, else the seconds before the next attempt."""
        began = time.perf_counter()
        try:
            await handler(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may succeed
            handled.labels(event.type, group, "failed").inc()
            if number < self.policy.attempts:
                _log.warning("event %s failed in %s: %s", event.id, group, error)
                return self.policy.wait(number)
            _log.exception("event %s is given up by %s", event.id, group)
            await self.bury(DeadLetter(event, group, f"{type(error).__name__}: {error}"))
            dead.labels(event.type, group).inc()
            return None
        finally:
            seconds.labels(event.type, group).observe(time.perf_counter() - began)
        handled.labels(event.type, group, "done").inc()
        return None

    @abstractmethod
    async def open(self) -> None:
        """Connect."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    @abstractmethod
    async def store(self, event: Event) -> None:
        """Keep an event."""

    @abstractmethod
    async def join(self, kind: str, group: str) -> None:
        """Make sure that the group is known, so that it misses nothing from now on."""

    @abstractmethod
    async def consume(self, kind: str, group: str, handler: Handler) -> None:
        """Hand out until it is cancelled."""

    @abstractmethod
    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be handled."""

    @abstractmethod
    def dead(self, group: str) -> AsyncIterator[DeadLetter]:
        """Read what a group could not handle, the oldest first."""

    @abstractmethod
    def replay(self, kind: str, *, since: datetime | None = None) -> AsyncIterator[Event]:
        """Read what has been published, the oldest first, up to now."""
