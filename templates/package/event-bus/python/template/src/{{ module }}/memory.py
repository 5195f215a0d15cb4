"""A bus within this process: for tests, and for a single process that needs no server."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from .bus import Bus, DeadLetter, Handler, Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from .event import Event
    from .schemas import Schemas


class MemoryBus(Bus):
    """Keeps everything in lists; what is kept ends with the process."""

    def __init__(
        self, stream: str, policy: Policy | None = None, schemas: Schemas | None = None
    ) -> None:
        super().__init__(stream, policy, schemas)
        self._events: defaultdict[str, list[Event]] = defaultdict(list)
        self._known: set[str] = set()
        self._next: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._again: defaultdict[tuple[str, str], list[tuple[Event, int]]] = defaultdict(list)
        self._dead: defaultdict[str, list[DeadLetter]] = defaultdict(list)
        self._news: defaultdict[str, asyncio.Condition] = defaultdict(asyncio.Condition)

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is open."""

    async def store(self, event: Event) -> None:
        """Keep an event."""
        if event.id in self._known:
            return
        self._known.add(event.id)
        async with self._news[event.type]:
            self._events[event.type].append(event)
            self._news[event.type].notify_all()

    async def join(self, kind: str, group: str) -> None:
        """Begin with the first event."""
        self._next.setdefault((kind, group), 0)

    async def consume(self, kind: str, group: str, handler: Handler) -> None:
        """Hand out one after the other; what is to be tried again comes in between."""
        while True:
            event, number = await self._following(kind, group)
            pause = await self.attempt(event, group, handler, number)
            if pause is not None:
                loop = asyncio.get_running_loop()
                loop.call_later(pause, self._give_back, (kind, group), (event, number + 1))

    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be handled."""
        self._dead[letter.group].append(letter)

    async def dead(self, group: str) -> AsyncIterator[DeadLetter]:
        """Read what a group could not handle."""
        for letter in list(self._dead[group]):
            yield letter

    async def replay(self, kind: str, *, since: datetime | None = None) -> AsyncIterator[Event]:
        """Read what has been published."""
        for event in list(self._events[kind]):
            if since is None or event.time >= since:
                yield event

    async def _following(self, kind: str, group: str) -> tuple[Event, int]:
        place = (kind, group)
        async with self._news[kind]:
            await self._news[kind].wait_for(
                lambda: self._again[place] or self._next[place] < len(self._events[kind])
            )
            if self._again[place]:
                return self._again[place].pop(0)
            self._next[place] += 1
            return self._events[kind][self._next[place] - 1], 1

    def _give_back(self, place: tuple[str, str], again: tuple[Event, int]) -> None:
        self._again[place].append(again)

        async def tell() -> None:
            async with self._news[place[0]]:
                self._news[place[0]].notify_all()

        task = asyncio.get_running_loop().create_task(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
