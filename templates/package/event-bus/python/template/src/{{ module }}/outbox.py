"""The outbox: events are stored with the change that they tell of, and published afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Table, Text, insert

from .event import Event
from .relay import Relay

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

    from .bus import Bus


class Outbox:
    """A table of the service's own database; at least once, in order, by one process at a time."""

    def __init__(self, metadata: MetaData | None = None, name: str = "event_outbox") -> None:
        self.table = Table(
            name,
            metadata or MetaData(),
            Column(
                "id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
            ),
            Column("event", Text, nullable=False),
        )

    async def add(self, work: AsyncSession | AsyncConnection, event: Event) -> None:
        """Store an event in a transaction that somebody else commits."""
        await work.execute(insert(self.table).values(event=event.dump().decode()))

    async def relay(self, engine: AsyncEngine, bus: Bus, most: int = 100) -> int:
        """Publish what has waited longest; how many events that were. One that fails keeps its place."""

        async def publish(row: Any) -> None:
            await bus.publish(Event.load(row.event))

        return await Relay(engine, self.table, publish).publish(most)
