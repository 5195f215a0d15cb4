"""Projections: what is read is made from events, each handled once, in order, also after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .events import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from .store import EventStore

Handle = Callable[[AsyncConnection, Recorded], Awaitable[None]]
_LONGEST = 30.0
_log = logging.getLogger(__name__)


class Projection:
    """Hands out events to a handler; how far it came is stored in the transaction that the handler writes in.

    Of several processes that run the same projection, one works and the others wait.
    """

    def __init__(
        self, store: EventStore, name: str, handle: Handle, *, types: Iterable[str] = (), part: int = 100
    ) -> None:
        self._store, self.name, self._handle = store, name, handle
        self._types, self._part = tuple(types), part

    async def catch_up(self, engine: AsyncEngine) -> int:
        """Handle what is there; how many events that were. An event that fails stops it right before."""
        count = 0
        while done := await self._some(engine, self._part):
            count += done
        return count

    async def run(self, engine: AsyncEngine, *, look: float = 0.2) -> None:
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

    async def rebuild(self, engine: AsyncEngine, clear: Callable[[AsyncConnection], Awaitable[None]]) -> int:
        """Begin anew: take away what was made, then handle every event again."""
        async with engine.begin() as connection:
            await self._position(connection)
            await clear(connection)
            await self._reached(connection, 0)
        return await self.catch_up(engine)

    async def _some(self, engine: AsyncEngine, most: int) -> int:
        """Handle a part in one transaction; when that fails, event by event up to the one at fault."""
        try:
            async with engine.begin() as connection:
                before = after = await self._position(connection)
                last = await self._store.last(connection) if self._types else 0
                found = self._store.read_all(connection, after=after, types=self._types, most=most)
                count = 0
                async for event in found:
                    await self._handle(connection, event)
                    after, count = event.position, count + 1
                if count < most:
                    after = max(after, last)  # what is of other types is not looked through again
                if after > before:
                    await self._reached(connection, after)
                return count
        except Exception:
            if most == 1:
                raise
        count = 0
        while count < most and await self._some(engine, 1):
            count += 1
        return count

    async def _position(self, connection: AsyncConnection) -> int:
        """How far it has come; whoever asks keeps others out until the end of the transaction."""
        table = self._store.checkpoints
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        first = dialect.insert(table).values(name=self.name, position=0)
        await connection.execute(first.on_conflict_do_nothing())
        query = select(table.c.position).where(table.c.name == self.name).with_for_update()
        position: int = (await connection.execute(query)).scalar_one()
        return position

    async def _reached(self, connection: AsyncConnection, position: int) -> None:
        table = self._store.checkpoints
        here = update(table).where(table.c.name == self.name)
        await connection.execute(here.values(position=position))
