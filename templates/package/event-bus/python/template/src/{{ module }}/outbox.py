"""The outbox: events are stored with the change that they tell of, and published afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Table, Text, delete, insert, select

from .event import Event

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

    from .bus import Bus


class Outbox:
    """A table of the service's own database; at least once, in order, by one process at a time."""

    def __init__(self, metadata: MetaData | None = None, name: str = "event_outbox") -> None:
        self.table = Table(
            name,
            metadata or MetaData(),
            Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
            Column("event", Text, nullable=False),
        )

    async def add(self, work: AsyncSession | AsyncConnection, event: Event) -> None:
        """Store an event in a transaction that somebody else commits."""
        await work.execute(insert(self.table).values(event=event.dump().decode()))

    async def relay(self, engine: AsyncEngine, bus: Bus, most: int = 100) -> int:
        """Publish what has waited longest; how many events that were. One that fails keeps its place."""
        waiting = select(self.table).order_by(self.table.c.id).limit(most).with_for_update()
        done: list[int] = []
        failure: Exception | None = None
        async with engine.connect() as connection:
            for row in (await connection.execute(waiting)).all():
                try:
                    await bus.publish(Event.load(row.event))
                except Exception as error:  # noqa: BLE001 - what is published is taken out first
                    failure = error
                    break
                done.append(row.id)
            await connection.execute(delete(self.table).where(self.table.c.id.in_(done)))
            await connection.commit()
        if failure is not None:
            raise failure
        return len(done)
