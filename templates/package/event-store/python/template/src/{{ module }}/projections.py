"""Projections: what is read is made from events, each handled once, in order, also after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .events import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .streams import Engine, Store

Handle = Callable[[Any, Recorded], Awaitable[None]]
_LONGEST = 30.0
_log = logging.getLogger(__name__)


class Projection:
    """Hands out events to a handler; how far it came is stored in the transaction that the handler writes in.

    On MongoDB, where there is none, it is stored afterwards: when a process is killed, the events of its last
    seconds are handled again, and the handler has to write the same for the same event as before.
    Of several processes that run the same projection, one works and the others wait.
    """

    def __init__(
        self, store: Store, name: str, handle: Handle, *, types: Iterable[str] = (), part: int = 100
    ) -> None:
        self._store, self.name, self._handle = store, name, handle
        self._types, self._part = tuple(types), part

    async def catch_up(self, engine: Engine) -> int:
        """Handle what is there; how many events that were. An event that fails stops it right before."""
        count = 0
        while done := await self._some(engine, self._part):
            count += done
        return count

    async def run(self, engine: Engine, *, look: float = 0.2) -> None:
        """Handle events as they come, until it is cancelled; after a failure, try again ever later."""
        pause = look
        while True:
            try:
                await self.catch_up(engine)
                pause = look
            except Exception:  # noqa: BLE001 - logged; whatever it is, it may pass
                _log.exception("projection %s stands still", self.name)
                pause = min(pause * 2, _LONGEST)
            await asyncio.sleep(pause)

    async def rebuild(self, engine: Engine, clear: Callable[[Any], Awaitable[None]]) -> int:
        """Begin anew: take away what was made, then handle every event again."""
        async with self._store.turn(engine, self.name, anew=True) as turn:
            await clear(turn.work)
        return await self.catch_up(engine)

    async def _some(self, engine: Engine, most: int) -> int:
        """Handle a part in one turn; when that fails, event by event up to the one at fault."""
        if not await self._store.news(engine, self.name):
            return 0
        try:
            async with self._store.turn(engine, self.name) as turn:
                last = await self._store.last(turn.work) if self._types else 0
                found = self._store.read_all(turn.work, after=turn.position, types=self._types, most=most)
                count = 0
                async for event in found:
                    await self._handle(turn.work, event)
                    turn.position, count = event.position, count + 1
                if count < most:
                    turn.position = max(turn.position, last)  # other types are not looked through again
                return count
        except Exception:
            if most == 1:
                raise
        count = 0
        while count < most and await self._some(engine, 1):
            count += 1
        return count
