"""The store on MongoDB: what is appended at once is one document, so that no transaction is needed."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, DESCENDING, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from .events import ANY, NewEvent, Recorded, WrongVersionError
from .streams import Store, Turn, distinct, known
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from pymongo.asynchronous.collection import AsyncCollection

    from .upcasters import Upcasters

Document = dict[str, Any]
Database = AsyncDatabase[Document]
_CODEC: CodecOptions[Document] = CodecOptions(
    uuid_representation=UuidRepresentation.STANDARD, tz_aware=True, tzinfo=UTC
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.1


class MongoEventStore(Store):
    """Streams of events, on MongoDB; `work` and `engine` are a database of an `AsyncMongoClient`.

    An append is one document, a commit, whose `_id` is the position of its first event: the one after the
    newest that the writer saw before it looked at anything else. When somebody was faster, it is taken, and
    the writer looks again. So positions have no gap, and a reader of all events never passes one that is
    committed later. Only what a majority of a replica set has is read, and only that counts as written.
    """

    def __init__(self, name: str = "events", upcasters: Upcasters | None = None) -> None:
        super().__init__(name, upcasters)

    async def prepare(self, work: Database) -> None:
        """Make the indexes, unless they are there."""
        commits = self._commits(work)
        await commits.create_index([("stream", ASCENDING), ("version", ASCENDING)], unique=True)
        await commits.create_index([("events.id", ASCENDING)])
        await self._turns(work).prepare()

    async def append_once(
        self, work: Database, stream: str, events: Sequence[NewEvent], *, expected: int = ANY
    ) -> tuple[int, bool]:
        """As `append`, and whether the events are new: those written before are left as they are."""
        commits, ids, pause = self._commits(work), distinct(events), _FIRST_PAUSE
        while True:
            last = await self.last(work)  # first, so that whatever is written from here on takes the next one
            found = await _written(commits, ids)
            version = await self.version(work, stream)
            if known(found, len(ids)):
                return version, False
            if expected not in {ANY, version}:
                raise WrongVersionError(stream, expected, version)
            if not events:
                return version, True
            with suppress(DuplicateKeyError):  # somebody was faster
                await commits.insert_one(self._commit(last + 1, stream, version + 1, events))
                return version + len(events), True
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def version(self, work: Database, stream: str) -> int:
        """Say at which version a stream is; zero where nothing has been written."""
        return await self._newest(work, {"stream": stream}, "version")

    async def read(self, work: Database, stream: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        """Read a stream, the oldest event first."""
        async with aclosing(self._after(work, {"stream": stream}, "version", after)) as found:
            async for commit, number in found:
                yield self._recorded(commit, number)

    async def read_all(
        self, work: Database, *, after: int = 0, types: Iterable[str] = (), most: int | None = None
    ) -> AsyncIterator[Recorded]:
        """Read the events of all streams in the order in which they were committed."""
        wanted, left = list(types), most
        kinds = {"events.type": {"$in": wanted}} if wanted else {}
        async with aclosing(self._after(work, {}, "_id", after, kinds)) as found:
            async for commit, number in found:
                if left == 0:
                    return
                if not wanted or commit["events"][number]["type"] in wanted:
                    yield self._recorded(commit, number)
                    left = None if left is None else left - 1

    async def last(self, work: Database) -> int:
        """Give the position of the newest event, 0 without any; all up to it are committed."""
        return await self._newest(work, {}, "_id")

    async def snapshot(self, work: Database, stream: str, version: int, state: Any, form: int = 1) -> None:
        """Keep what a stream came to, in place of what was kept before."""
        kept = {"version": version, "form": form, "state": state}
        with suppress(DuplicateKeyError):  # somebody else has kept the first one meanwhile
            await self._snapshots(work).replace_one({"_id": stream}, kept, upsert=True)

    async def snapshot_of(self, work: Database, stream: str, form: int = 1) -> tuple[int, Any] | None:
        """Give the version and state that were kept; one of another form counts as none."""
        kept = await self._snapshots(work).find_one({"_id": stream, "form": form})
        return None if kept is None else (kept["version"], kept["state"])

    async def news(self, engine: Database, name: str) -> bool:
        """Whether there are events that a projection has not handled: to look costs no write."""
        return await self.last(engine) > await self._turns(engine).position(name)

    def turn(self, engine: Database, name: str, *, anew: bool = False) -> AbstractAsyncContextManager[Turn]:
        """Wait for a projection's turn; how far it came is kept at its end, and every few seconds."""
        return self._turns(engine).take(engine, name, anew=anew)

    def _commit(self, position: int, stream: str, version: int, events: Sequence[NewEvent]) -> Document:
        """Make what is stored; position and version are those of the first of the events."""
        stored = [
            {
                "id": event.id,
                "type": event.type,
                "form": self.upcasters.newest(event.type),
                "data": event.data,
                "metadata": event.metadata,
            }
            for event in events
        ]
        return {
            "_id": position,
            "stream": stream,
            "version": version,
            "size": len(stored),
            "at": datetime.now(UTC),
            "events": stored,
        }

    async def _newest(self, work: Database, where: Mapping[str, Any], counted: str) -> int:
        """Give the number of the newest event, by what counts the first one of a commit."""
        shown = {counted: 1, "size": 1}
        commit = await self._commits(work).find_one(where, shown, sort=[(counted, DESCENDING)])
        return commit[counted] + commit["size"] - 1 if commit else 0

    async def _after(
        self,
        work: Database,
        where: Mapping[str, Any],
        counted: str,
        after: int,
        kinds: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[tuple[Document, int], None]:
        """Find the events after a number, which may lie within a commit: commits, and places in them."""
        commits = self._commits(work)
        around = {**where, counted: {"$lte": after}}
        begun = await commits.find_one(around, {counted: 1}, sort=[(counted, DESCENDING)])
        beyond = {**where, **(kinds or {}), counted: {"$gte": begun[counted] if begun else 0}}
        async with commits.find(beyond, sort=[(counted, ASCENDING)]) as cursor:
            async for commit in cursor:
                for number in range(max(after - commit[counted] + 1, 0), commit["size"]):
                    yield commit, number

    def _recorded(self, commit: Document, number: int) -> Recorded:
        event = commit["events"][number]
        return Recorded(
            commit["_id"] + number,
            commit["stream"],
            commit["version"] + number,
            event["id"],
            event["type"],
            self.upcasters.upcast(event["type"], event["form"], event["data"]),
            event["metadata"],
            commit["at"],
        )

    def _commits(self, work: Database) -> AsyncCollection[Document]:
        return _collection(work, self.name)

    def _snapshots(self, work: Database) -> AsyncCollection[Document]:
        return _collection(work, f"{self.name}_snapshots")

    def _turns(self, work: Database) -> Turns:
        return Turns(_collection(work, f"{self.name}_turns"))


def _collection(work: Database, name: str) -> AsyncCollection[Document]:
    return work.get_collection(
        name, _CODEC, ReadPreference.PRIMARY, WriteConcern("majority"), ReadConcern("majority")
    )


async def _written(commits: AsyncCollection[Document], ids: Iterable[Any]) -> int:
    """How many of these events there are."""
    wanted = set(ids)
    found = commits.find({"events.id": {"$in": list(wanted)}}, {"events.id": 1})
    return len({event["id"] async for commit in found for event in commit["events"]} & wanted) if wanted else 0
