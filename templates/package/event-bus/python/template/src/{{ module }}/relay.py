"""The relay of an outbox: events that are stored with their change are published afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import Table, delete, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

_LOCK = 7_205_759_404
_PART = 100
_LOOK = 1.0  # for what other processes have left
_log = structlog.get_logger()


class Relay:
    """Publishes what is in the outbox, in order: one process at a time, at least once."""

    def __init__(
        self, engine: AsyncEngine, table: Table, publish: Callable[[Any], Awaitable[None]]
    ) -> None:
        self._engine = engine
        self._table = table  # without the ORM: it is looked at all the time
        self._publish = publish
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what an earlier process has left, once the start itself is over."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Look at once: something has been committed."""
        self._news.set()

    async def stop(self) -> None:
        """Leave the rest to the next process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def publish(self, most: int = _PART) -> int:
        """Publish what has waited longest; how many events that were. One that fails keeps its place."""
        key = self._table.c.id
        async with self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:key)")
                await connection.execute(lock, {"key": _LOCK})
            query = select(self._table).order_by(key).limit(most)
            waiting = (await connection.execute(query)).all()
            done: list[int] = []
            failure: Exception | None = None
            for row in waiting:
                try:
                    await self._publish(row)
                except Exception as error:  # noqa: BLE001 - what is published is taken out first
                    failure = error
                    break
                done.append(row.id)
            if done:
                await connection.execute(delete(self._table).where(key.in_(done)))
                await connection.commit()
        if failure is not None:
            raise failure
        return len(done)

    async def _run(self) -> None:
        """Wait for events, and publish until nothing is left."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._news.wait()
            self._news.clear()
            try:
                while await self.publish():
                    pass
            except Exception as error:  # noqa: BLE001 - NATS or the database may come back at any time
                _log.warning("events wait", error=type(error).__name__)
                await asyncio.sleep(_LOOK)
