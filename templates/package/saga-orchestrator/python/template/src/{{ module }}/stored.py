"""Sagas kept in a database: any process may carry one on, also after the one that did has died."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    and_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from .saga import Context, Outcome, Progress, Saga, Status, after_failure, after_success

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_GRACE = 5.0  # after a step's own time limit, whoever carried it is taken for dead
_OPEN = (Status.RUNNING, Status.COMPENSATING)
_log = logging.getLogger(__name__)


class _LostError(Exception):
    """Whoever tried a step has died, or was cut off: nobody knows what it did."""


class StoredRunner:
    """Carries sagas that are rows of a table, on PostgreSQL or SQLite.

    A step is claimed for as long as it may take. Its outcome counts only while the claim does: one that comes
    too late, from a process that was taken for dead, changes nothing. A claim that nobody gave back was an
    attempt that failed, so that a step that kills its process is not tried for ever.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        sagas: Iterable[Saga],
        metadata: MetaData | None = None,
        name: str = "sagas",
    ) -> None:
        self._engine = engine
        self._sagas = {(saga.name, saga.version): saga for saga in sagas}
        self.metadata = metadata if metadata is not None else MetaData()
        self.table = Table(
            name,
            self.metadata,
            Column("id", String(255), primary_key=True),
            Column("saga", String(255), nullable=False),
            Column("version", Integer, nullable=False),
            Column("status", String(16), nullable=False),
            Column("input", JSON),
            Column("results", JSON, nullable=False),
            Column("step", Integer, nullable=False),
            Column("attempt", Integer, nullable=False),
            Column("reason", Text, nullable=False),
            Column("turn", Integer, nullable=False),
            Column("claimed", Boolean, nullable=False),
            Column("due", DateTime(timezone=True), nullable=False, index=True),
        )

    async def start(
        self, saga: str, data: Any = None, *, saga_id: str | None = None, work: AsyncConnection | None = None
    ) -> str:
        """Begin a saga in its newest version; with an identifier that is known, nothing is begun.

        With a connection, it begins if the transaction is committed that this belongs to.
        """
        newest = max((version for name, version in self._sagas if name == saga), default=None)
        if newest is None:
            raise ValueError(f"there is no saga {saga}")
        identity = saga_id or str(uuid.uuid4())
        row = {
            "id": identity,
            "saga": saga,
            "version": newest,
            "status": Status.RUNNING,
            "input": data,
            "results": {},
            "step": 0,
            "attempt": 1,
            "reason": "",
            "turn": 0,
            "claimed": False,
            "due": datetime.now(UTC),
        }
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        async with self._within(work) as connection:
            await connection.execute(dialect.insert(self.table).values(row).on_conflict_do_nothing())
        return identity

    async def outcome(self, saga_id: str) -> Outcome:
        """Say how a saga stands."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(self.table).where(self.table.c.id == saga_id))).first()
        if row is None:
            raise KeyError(saga_id)
        return Outcome(row.id, Status(row.status), dict(row.results), row.reason)

    async def run(self, *, look: float = 0.2, at_once: int = 10) -> None:
        """Carry sagas, several at once, until it is cancelled; a step that is cut off then is tried again."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._carry(look))

    async def advance(self) -> bool:
        """Try one step of one saga; whether there was one."""
        row = await self._claim()
        if row is None:
            return False
        after, results = await self._tried(row)
        await self._record(row, after, results)
        return True

    async def _tried(self, row: Row[Any]) -> tuple[Progress, dict[str, Any]]:
        """Try the step that was claimed; what follows, and what the steps have answered."""
        saga = self._sagas[row.saga, row.version]
        progress = Progress(Status(row.status), row.step, row.attempt, reason=row.reason)
        results = dict(row.results)
        if row.step >= len(saga.steps):
            return replace(progress, status=Status.FAILED, reason=_shortened(saga, progress)), results
        step = saga.steps[row.step]
        undoing = progress.status is Status.COMPENSATING
        action = step.undo if undoing and step.undo is not None else step.action
        if row.claimed:
            lost = _LostError("whoever tried it did not say how it went")
            return after_failure(saga, progress, lost), results
        try:
            async with asyncio.timeout(step.timeout):
                answer = await action(Context(row.id, step.name, row.input, results))
            json.dumps(answer, allow_nan=False)  # what cannot be stored is a failure of the step
        except Exception as error:  # noqa: BLE001 - whatever it is, the saga says what follows
            _log.warning("saga %s: %s failed: %s", row.id, step.name, error)
            return after_failure(saga, progress, error), results
        if not undoing:
            results[step.name] = answer
        return after_success(saga, progress), results

    async def _carry(self, look: float) -> None:
        while True:
            try:
                busy = await self.advance()
            except Exception:  # noqa: BLE001 - the database may come back at any time
                _log.exception("sagas stand still")
                busy = False
            if not busy:
                await asyncio.sleep(look)

    async def _claim(self) -> Row[Any] | None:
        """Take the step that is due longest, so that nobody else does for as long as it may take."""
        table, now = self.table, datetime.now(UTC)
        mine = [and_(table.c.saga == name, table.c.version == version) for name, version in self._sagas]
        waiting = select(table).where(table.c.status.in_(_OPEN), table.c.due <= now, or_(*mine))
        first = waiting.order_by(table.c.due).limit(1).with_for_update(skip_locked=True)
        async with self._engine.begin() as connection:
            row = (await connection.execute(first)).first()
            if row is None:
                return None
            steps = self._sagas[row.saga, row.version].steps[row.step :]
            until = now + timedelta(seconds=_GRACE + (steps[0].timeout if steps else 0))
            claim = update(table).where(table.c.id == row.id, table.c.turn == row.turn)
            done = await connection.execute(claim.values(turn=row.turn + 1, claimed=True, due=until))
            return row if done.rowcount == 1 else None

    async def _record(self, row: Row[Any], after: Progress, results: dict[str, Any]) -> None:
        here = update(self.table).where(self.table.c.id == row.id, self.table.c.turn == row.turn + 1)
        values = {
            "status": after.status,
            "step": after.step,
            "attempt": after.attempt,
            "reason": after.reason,
            "results": results,
            "claimed": False,
            "due": datetime.now(UTC) + timedelta(seconds=after.wait),
        }
        async with self._engine.begin() as connection:
            done = await connection.execute(here.values(values))
        if done.rowcount != 1:
            _log.warning("saga %s was carried on by somebody else", row.id)

    @asynccontextmanager
    async def _within(self, work: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if work is not None:
            yield work
            return
        async with self._engine.begin() as connection:
            yield connection


def _shortened(saga: Saga, progress: Progress) -> str:
    said = (
        f"{saga.name} version {saga.version} has {len(saga.steps)} steps here, "
        f"and this one is at step {progress.step + 1}: other steps are another version"
    )
    return f"{progress.reason}; {said}" if progress.reason else said
