"""The audit trail: who did what, stored so that nothing can be changed or left out unnoticed."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_LOCK = 4_611_686_018_427
_FIRST = "0" * 64


class BrokenTrailError(Exception):
    """A trail that is not as it was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody did something to something."""

    number: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: Any


class AuditTrail:
    """A table of the service's own database; each entry is sealed, with the one before it, by a key."""

    def __init__(
        self, key: bytes, metadata: MetaData | None = None, name: str = "audit_trail"
    ) -> None:
        self._key = key
        self.table = Table(
            name,
            metadata if metadata is not None else MetaData(),
            Column(
                "number",
                BigInteger().with_variant(Integer, "sqlite"),
                primary_key=True,
                autoincrement=False,
            ),
            Column("at", DateTime(timezone=True), nullable=False),
            Column("entry", Text, nullable=False),
            Column("seal", String(64), nullable=False),
        )

    async def record(
        self,
        work: AsyncSession | AsyncConnection,
        actor: str,
        action: str,
        target: str,
        detail: Any = None,
    ) -> None:
        """Store an entry in the transaction of what it tells of; entries are committed one by one."""
        if _dialect(work) == "postgresql":
            await work.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        newest = select(self.table).order_by(self.table.c.number.desc()).limit(1)
        last = (await work.execute(newest)).first()
        number, before = (last.number, last.seal) if last is not None else (0, _FIRST)
        now = datetime.now(UTC)
        told = {"actor": actor, "action": action, "target": target, "detail": detail}
        entry = json.dumps({**told, "at": now.isoformat()}, ensure_ascii=False, sort_keys=True)
        seal = self._seal(number + 1, entry, before)
        values = {"number": number + 1, "at": now, "entry": entry, "seal": seal}
        await work.execute(insert(self.table).values(values))

    async def read(self, work: AsyncSession | AsyncConnection) -> AsyncIterator[Entry]:
        """Read all entries, and raise at the first that was changed or is missing.

        Entries that are missing at the end show only against a number that somebody else keeps.
        """
        number, before = 0, _FIRST
        async for row in await work.stream(select(self.table).order_by(self.table.c.number)):
            number += 1
            if row.number != number:
                message = f"entry {number} is missing"
                raise BrokenTrailError(message)
            if not hmac.compare_digest(self._seal(number, row.entry, before), row.seal):
                message = f"entry {number} was changed"
                raise BrokenTrailError(message)
            before = row.seal
            told = json.loads(row.entry)
            at = datetime.fromisoformat(told.pop("at"))
            yield Entry(number, at, **told)

    def _seal(self, number: int, entry: str, before: str) -> str:
        sealed = f"{number}\n{before}\n{entry}".encode()
        return hmac.new(self._key, sealed, hashlib.sha256).hexdigest()


def _dialect(work: AsyncSession | AsyncConnection) -> str:
    return (work.get_bind() if isinstance(work, AsyncSession) else work).dialect.name
