"""Turns on MongoDB: of the processes that run a projection one works, and a killed one locks nobody out."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError, PyMongoError

from .streams import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pymongo.asynchronous.collection import AsyncCollection

Document = dict[str, Any]
LEASE = 30.0
"""Seconds after which the turn of a process that gives no sign of life is over."""
_LOOK = 0.1
_NONE: Final[Document] = {"_id": None, "turn": 0, "position": 0, "beat": 0, "done": True}


class Turns:
    """The turns of projections, each a document with a number: whoever inserts the next one has it.

    Only who has a turn writes into its document, and only the newest is read: so nothing that somebody writes
    whose turn was taken over counts. No two machines' clocks are compared.
    """

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection

    async def prepare(self) -> None:
        """Make the index, unless it is there."""
        await self._collection.create_index([("name", ASCENDING), ("turn", ASCENDING)])

    async def position(self, name: str) -> int:
        """Say how far a projection has come."""
        position: int = (await self._newest(name))["position"]
        return position

    @asynccontextmanager
    async def take(self, work: Any, name: str, *, anew: bool) -> AsyncIterator[Turn]:
        """Wait for a turn, and have it until the end, or until no sign of life got through for too long."""
        mine = await self._wait(name, anew=anew)
        turn = Turn(work, mine["position"])
        async with asyncio.timeout(LEASE) as lease:
            beating = asyncio.create_task(self._beat(mine["_id"], turn, lease))
            try:
                yield turn
            finally:
                beating.cancel()
                await asyncio.wait([beating])
                await self._set(mine["_id"], position=turn.position, done=True)

    async def _wait(self, name: str, *, anew: bool) -> Document:
        """Insert the next turn, once the one before is over or has given no sign for longer than it may."""
        clock = asyncio.get_running_loop().time
        seen, since = (0, 0), clock()
        while True:
            newest = await self._newest(name)
            if (sign := (newest["turn"], newest["beat"])) != seen:
                seen, since = sign, clock()
            if newest["done"] or clock() - since > 1.5 * LEASE:
                number, position = newest["turn"] + 1, 0 if anew else newest["position"]
                mine = {"_id": f"{name}/{number}", "name": name, "turn": number, "position": position}
                if await self._insert(mine | {"beat": 0, "done": False}):
                    return mine
            await asyncio.sleep(_LOOK)

    async def _insert(self, mine: Document) -> bool:
        """Whether nobody was faster, not even one whose turn is over and whose document is gone."""
        try:
            await self._collection.insert_one(mine)
        except DuplicateKeyError:
            return False
        if (await self._newest(mine["name"]))["_id"] != mine["_id"]:
            await self._collection.delete_one({"_id": mine["_id"]})
            return False
        await self._collection.delete_many({"name": mine["name"], "turn": {"$lt": mine["turn"]}})
        return True

    async def _beat(self, key: str, turn: Turn, lease: asyncio.Timeout) -> None:
        """Give signs of life; each that got through makes the lease longer."""
        clock, beat = asyncio.get_running_loop().time, 0
        while True:
            await asyncio.sleep(LEASE / 3)
            asked, beat = clock(), beat + 1
            with suppress(PyMongoError):  # the next one may get through
                if await self._set(key, position=turn.position, beat=beat):
                    lease.reschedule(asked + LEASE)

    async def _newest(self, name: str) -> Document:
        return await self._collection.find_one({"name": name}, sort=[("turn", DESCENDING)]) or _NONE

    async def _set(self, key: str, **values: Any) -> bool:
        done = await self._collection.update_one({"_id": key}, {"$set": values})
        return done.matched_count == 1
