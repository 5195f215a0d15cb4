"""What a store is, whichever database it is on: repositories, projections and migrations need no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .events import ANY, NewEvent, Recorded
from .upcasters import Upcasters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from pymongo.asynchronous.database import AsyncDatabase
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

    Work = AsyncSession | AsyncConnection | AsyncDatabase[dict[str, Any]]
    Engine = AsyncEngine | AsyncDatabase[dict[str, Any]]


@dataclass(slots=True)
class Turn:
    """A projection's turn, which it alone has: what its handler writes with, and how far it has come."""

    work: Any
    position: int


class Store(ABC):
    """Streams of events; `work` is what a database is written with, and `engine` where that comes from."""

    def __init__(self, name: str, upcasters: Upcasters | None) -> None:
        self.name = name
        self.upcasters = upcasters or Upcasters()

    async def append(
        self, work: Any, stream: str, events: Sequence[NewEvent], *, expected: int = ANY
    ) -> int:
        """Write to a stream that is at the expected version, zero for a new one; its version afterwards."""
        version, _ = await self.append_once(work, stream, events, expected=expected)
        return version

    @abstractmethod
    async def append_once(
        self, work: Any, stream: str, events: Sequence[NewEvent], *, expected: int = ANY
    ) -> tuple[int, bool]:
        """As `append`, and whether the events are new: those written before are left as they are."""

    @abstractmethod
    async def version(self, work: Any, stream: str) -> int:
        """Say at which version a stream is; zero where nothing has been written."""

    @abstractmethod
    def read(self, work: Any, stream: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        """Read a stream, the oldest event first."""

    @abstractmethod
    def read_all(
        self, work: Any, *, after: int = 0, types: Iterable[str] = (), most: int | None = None
    ) -> AsyncIterator[Recorded]:
        """Read the events of all streams in the order in which they were committed."""

    @abstractmethod
    async def last(self, work: Any) -> int:
        """Give the position of the newest event, 0 without any; all up to it are committed."""

    @abstractmethod
    async def snapshot(self, work: Any, stream: str, version: int, state: Any, form: int = 1) -> None:
        """Keep what a stream came to, in place of what was kept before."""

    @abstractmethod
    async def snapshot_of(self, work: Any, stream: str, form: int = 1) -> tuple[int, Any] | None:
        """Give the version and state that were kept; one of another form counts as none."""

    @abstractmethod
    def turn(self, engine: Any, name: str, *, anew: bool = False) -> AbstractAsyncContextManager[Turn]:
        """Wait for a projection's turn, keep at its end how far it came; `anew` begins before all events."""

    async def news(self, engine: Any, name: str) -> bool:  # noqa: ARG002 - a turn may find it out as cheaply
        """Whether a projection may have something to handle, asked before it takes its turn."""
        return True

    async def migrate(
        self, work: Any, into: Store, change: Callable[[Recorded], Sequence[NewEvent]]
    ) -> int:
        """Write what `change` makes of each event into another store; how many events that are there."""
        count = 0
        async for event in self.read_all(work):
            made = change(event)
            await into.append(work, event.stream, made)
            count += len(made)
        return count


def distinct(events: Sequence[NewEvent]) -> set[UUID]:
    """Give the identifiers of what is to be appended, each of which is there once."""
    ids = {event.id for event in events}
    if len(ids) < len(events):
        raise ValueError("one of these events is there twice")
    return ids


def known(found: int, wanted: int) -> bool:
    """Whether all events were written before, by an attempt whose answer got lost."""
    if found not in {0, wanted}:
        raise ValueError("some of these events were written before, others were not")
    return found > 0
