"""The store: tables of a service's own database, written in the transactions of the service."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from .events import ANY, NewEvent, Recorded, WrongVersionError
from .streams import Store, Turn, distinct, known

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from .upcasters import Upcasters

Work = AsyncSession | AsyncConnection
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_JSON = JSON().with_variant(JSONB, "postgresql")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
_PART = 500


class EventStore(Store):
    """Streams of events, on PostgreSQL and on SQLite.

    On PostgreSQL, transactions that append are committed one after the other: so a reader of all events never
    passes one that has a lower position and is committed later. Append last in a transaction.
    """

    def __init__(
        self, metadata: MetaData | None = None, name: str = "events", upcasters: Upcasters | None = None
    ) -> None:
        super().__init__(name, upcasters)
        self.metadata = metadata if metadata is not None else MetaData()
        self.events = Table(
            name,
            self.metadata,
            Column("position", _NUMBER, Identity(), primary_key=True),
            Column("stream", String(255), nullable=False),
            Column("version", Integer, nullable=False),
            Column("id", Uuid, nullable=False, unique=True),
            Column("type", String(255), nullable=False),
            Column("form", Integer, nullable=False),
            Column("data", _JSON, nullable=False),
            Column("metadata", _JSON, nullable=False),
            Column("at", DateTime(timezone=True), nullable=False),
            UniqueConstraint("stream", "version"),
        )
        self.snapshots = Table(
            f"{name}_snapshots",
            self.metadata,
            Column("stream", String(255), primary_key=True),
            Column("version", Integer, nullable=False),
            Column("form", Integer, nullable=False),
            Column("state", _JSON, nullable=False),
        )
        self.checkpoints = Table(
            f"{name}_checkpoints",
            self.metadata,
            Column("name", String(255), primary_key=True),
            Column("position", _NUMBER, nullable=False),
        )

    async def append_once(
        self, work: Work, stream: str, events: Sequence[NewEvent], *, expected: int = ANY
    ) -> tuple[int, bool]:
        """As `append`, and whether the events are new: those written before are left as they are."""
        if _dialect(work) == "postgresql":
            await work.execute(_LOCK, {"name": self.name})
        version = await self.version(work, stream)
        if await self._known(work, events):
            return version, False
        if expected not in {ANY, version}:
            raise WrongVersionError(stream, expected, version)
        now = datetime.now(UTC)
        rows = [
            {
                "stream": stream,
                "version": version + number,
                "id": event.id,
                "type": event.type,
                "form": self.upcasters.newest(event.type),
                "data": event.data,
                "metadata": event.metadata,
                "at": now,
            }
            for number, event in enumerate(events, 1)
        ]
        if rows:
            try:
                await work.execute(insert(self.events), rows)
            except IntegrityError as error:  # on SQLite, which has no lock to wait for
                raise WrongVersionError(stream, version, version + 1) from error
        return version + len(rows), True

    async def version(self, work: Work, stream: str) -> int:
        """Say at which version a stream is; zero where nothing has been written."""
        newest = select(func.max(self.events.c.version)).where(self.events.c.stream == stream)
        found: int | None = (await work.execute(newest)).scalar()
        return found or 0

    async def read(self, work: Work, stream: str, *, after: int = 0) -> AsyncIterator[Recorded]:
        """Read a stream, the oldest event first."""
        table = self.events
        query = select(table).where(table.c.stream == stream, table.c.version > after)
        for row in (await work.execute(query.order_by(table.c.version))).all():
            yield self._recorded(row)

    async def read_all(
        self, work: Work, *, after: int = 0, types: Iterable[str] = (), most: int | None = None
    ) -> AsyncIterator[Recorded]:
        """Read the events of all streams in the order in which they were committed, part by part."""
        table, wanted, left = self.events, list(types), most
        while left is None or left > 0:
            part = _PART if left is None else min(left, _PART)
            query = select(table).where(table.c.position > after).order_by(table.c.position).limit(part)
            if wanted:
                query = query.where(table.c.type.in_(wanted))
            rows = (await work.execute(query)).all()
            for row in rows:
                yield self._recorded(row)
            if len(rows) < part:
                return
            after, left = rows[-1].position, None if left is None else left - part

    async def last(self, work: Work) -> int:
        """Give the position of the newest event, 0 without any; all up to it are committed."""
        newest: int | None = await work.scalar(select(func.max(self.events.c.position)))
        return newest or 0

    async def snapshot(self, work: Work, stream: str, version: int, state: Any, form: int = 1) -> None:
        """Keep what a stream came to, in place of what was kept before."""
        await work.execute(delete(self.snapshots).where(self.snapshots.c.stream == stream))
        values = {"stream": stream, "version": version, "form": form, "state": state}
        await work.execute(insert(self.snapshots).values(values))

    async def snapshot_of(self, work: Work, stream: str, form: int = 1) -> tuple[int, Any] | None:
        """Give the version and state that were kept; one of another form counts as none."""
        table = self.snapshots
        query = select(table).where(table.c.stream == stream, table.c.form == form)
        row = (await work.execute(query)).first()
        return None if row is None else (row.version, row.state)

    @asynccontextmanager
    async def turn(self, engine: AsyncEngine, name: str, *, anew: bool = False) -> AsyncIterator[Turn]:
        """Wait for a projection's turn: one transaction, with which what it writes is kept or not at all."""
        table = self.checkpoints
        async with engine.begin() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            first = dialect.insert(table).values(name=name, position=0)
            await connection.execute(first.on_conflict_do_nothing())
            query = select(table.c.position).where(table.c.name == name).with_for_update()
            before: int = (await connection.execute(query)).scalar_one()
            turn = Turn(connection, 0 if anew else before)
            yield turn
            if turn.position != before:
                here = update(table).where(table.c.name == name)
                await connection.execute(here.values(position=turn.position))

    async def _known(self, work: Work, events: Sequence[NewEvent]) -> bool:
        ids = distinct(events)
        count = select(func.count()).select_from(self.events).where(self.events.c.id.in_(ids))
        found = (await work.execute(count)).scalar_one() if ids else 0
        return known(found, len(ids))

    def _recorded(self, row: Row[Any]) -> Recorded:
        at: datetime = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
        data = self.upcasters.upcast(row.type, row.form, row.data)
        return Recorded(row.position, row.stream, row.version, row.id, row.type, data, dict(row.metadata), at)


def _dialect(work: Work) -> str:
    return (work.get_bind() if isinstance(work, AsyncSession) else work).dialect.name
