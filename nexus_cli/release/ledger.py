"""The ledger: every release, deployment, step and approval, appended and never changed. Uses SQLAlchemy.

Each entry holds the hash of the one before it, so that a changed, removed or inserted one is found. It is a
SQLite file of the workspace, or with NEXUS_LEDGER a PostgreSQL database that a team shares.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.workspace import Workspace, private_folder

VARIABLE = "NEXUS_LEDGER"
GENESIS = "0" * 64
_BUSY_MS = 10_000

_METADATA = MetaData()
ENTRIES = Table(
    "nexus_entries",
    _METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("time", Double, nullable=False),
    Column("environment", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False),
    Index("nexus_entries_by_kind", "environment", "kind", "number"),
)
LOCKS = Table(
    "nexus_locks",
    _METADATA,
    Column("environment", Text, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("holder", Text, nullable=False),
    Column("expires", Double, nullable=False),
)
_ALONE: Mapping[str, str] = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(7233717)",
}
_REFUSES = "entries are never changed"
_APPEND_ONLY: Mapping[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER IF NOT EXISTS nexus_entries_{verb} BEFORE {verb} ON nexus_entries"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSES}'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        f"""CREATE FUNCTION nexus_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{_REFUSES}'; END $$""",
        """CREATE TRIGGER nexus_entries_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON nexus_entries
        FOR EACH STATEMENT EXECUTE FUNCTION nexus_refuse()""",
    ),
}


class LedgerFault(NexusError):
    """The ledger cannot be read or written."""


class Fenced(NexusError):
    """Another command has taken over the environment in the meantime; nothing more may be written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `time` is in seconds since the epoch; order is by `number`, never by time."""

    number: int
    time: float
    environment: str
    kind: str
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many entries there are, the hash of the last one, and what is wrong with them.

    The hash stands for all of them: who notes it elsewhere sees later whether they are still there.
    """

    entries: int
    head: str
    faults: tuple[str, ...]


class Ledger:
    """The ledger at a database address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = _database(url)
        if self.database.dialect.name == "sqlite":
            event.listen(self.database, "connect", _prepare_sqlite)
        event.listen(self.database, "begin", _begin)
        self._make()

    def _make(self) -> None:
        """Make the tables unless they are there."""
        with self._transaction() as connection:
            if inspect(connection).has_table(ENTRIES.name):
                return
            _METADATA.create_all(connection)
            for statement in _APPEND_ONLY[connection.dialect.name]:
                connection.execute(text(statement))

    def append(
        self, environment: str, kind: str, body: Mapping[str, Any], *, token: int | None = None
    ) -> Entry:
        """Add an entry. With the `token` of a lock, only while that lock is still the environment's."""
        written = _canonical(body)
        with self._transaction() as connection:
            if token is not None:
                _check_token(connection, environment, token)
            return _add(connection, environment, kind, written)

    def last(self, environment: str, kind: str) -> Entry | None:
        """The latest entry of a kind."""
        return next(iter(self.entries(environment, kind, newest=1)), None)

    def entries(
        self,
        environment: str | None = None,
        kind: str | None = None,
        *,
        since: int = 0,
        newest: int | None = None,
    ) -> list[Entry]:
        """Entries in their order: of one environment, of one kind, after a number; `newest` only so many."""
        query = select(ENTRIES).where(ENTRIES.c.number > since)
        if environment is not None:
            query = query.where(ENTRIES.c.environment == environment)
        if kind is not None:
            query = query.where(ENTRIES.c.kind == kind)
        if newest is not None:
            query = query.order_by(ENTRIES.c.number.desc()).limit(newest)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return sorted((_entry(row) for row in rows), key=lambda entry: entry.number)

    def environments(self) -> list[str]:
        """Every environment that something was written of."""
        query = select(ENTRIES.c.environment).where(ENTRIES.c.environment != "").distinct()
        with self._transaction() as connection:
            return sorted(connection.execute(query).scalars())

    def verify(self, head: str = "") -> Verdict:
        """Whether the chain of entries is whole; with the `head` of an earlier verdict, still holds that."""
        faults, previous, last, known = [], GENESIS, 0, not head
        with self._transaction() as connection:
            rows = connection.execute(select(ENTRIES).order_by(ENTRIES.c.number)).all()
        for row in rows:
            if row.previous != previous:
                faults.append(
                    f"entry {row.number} does not follow {f'entry {last}' if last else 'the beginning'}:"
                    " something was removed or inserted before it"
                )
            if row.hash != _hash(row.previous, row.time, row.environment, row.kind, row.body):
                faults.append(f"entry {row.number} was changed after it was written")
            previous, last, known = row.hash, row.number, known or row.hash == head
        if not known:
            faults.append(f"no entry has the hash {head}: the end was cut off or written anew")
        return Verdict(len(rows), previous, tuple(faults))

    @contextlib.contextmanager
    def locks(self) -> Iterator[Connection]:
        """A transaction over the locks, which nobody else can change meanwhile."""
        with self._transaction() as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self.database.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise LedgerFault(f"the ledger at {_shown(self.url)} cannot be used: {_words(error)}") from error
        except SQLAlchemyError as error:
            raise LedgerFault(f"the ledger at {_shown(self.url)} cannot be used: {error}") from error


def opened(workspace: Workspace) -> Ledger:
    """The workspace's ledger: where NEXUS_LEDGER says, else a file of its own, made when missing."""
    url = os.environ.get(VARIABLE)
    if url:
        return Ledger(url.replace("postgresql://", "postgresql+pg8000://", 1))
    private_folder(workspace.state)
    path = workspace.state / "ledger.db"
    if not path.exists():
        path.touch(mode=0o600)
    return Ledger(f"sqlite:///{path}")


def recorded(workspace: Workspace) -> bool:
    """Whether there may be anything to read; a workspace that was never deployed has no ledger."""
    return bool(os.environ.get(VARIABLE)) or (workspace.state / "ledger.db").exists()


def _database(url: str) -> Engine:
    try:
        if make_url(url).get_backend_name() in _APPEND_ONLY:
            return create_engine(url, poolclass=NullPool)
    except ArgumentError:
        pass  # it is not said what was wrong: there may be a password in it
    except ImportError as error:
        hint = "pip install nexus-platform[postgres]"
        raise UsageError(f"the ledger needs {error.name}, which is not installed", hint=hint) from error
    raise UsageError(
        f"{VARIABLE} is not the address of a ledger", hint="postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # else the driver begins transactions by itself, and too late
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    """One transaction at a time: each entry follows the one before, and a lock is looked at and taken."""
    connection.exec_driver_sql(_ALONE[connection.dialect.name])


def _add(connection: Connection, environment: str, kind: str, body: str) -> Entry:
    last = connection.execute(select(ENTRIES.c.hash).order_by(ENTRIES.c.number.desc()).limit(1)).scalar()
    previous, now = str(last or GENESIS), round(time.time(), 6)
    hashed = _hash(previous, now, environment, kind, body)
    row = {"time": now, "environment": environment, "kind": kind, "body": body}
    added = connection.execute(ENTRIES.insert().values(**row, previous=previous, hash=hashed))
    number = added.inserted_primary_key[0] if added.inserted_primary_key else 0
    return Entry(number, now, environment, kind, json.loads(body), previous, hashed)


def _check_token(connection: Connection, environment: str, token: int) -> None:
    held = connection.execute(select(LOCKS.c.token).where(LOCKS.c.environment == environment)).one_or_none()
    if held is None or held.token != token:
        raise Fenced(
            f"another command has taken over {environment} in the meantime",
            hint=f"nexus status --env {environment}",
        )


def _entry(row: Any) -> Entry:
    try:
        body = json.loads(row.body)
    except ValueError as error:
        raise LedgerFault(
            f"entry {row.number} of the ledger is damaged", hint="nexus audit verify"
        ) from error
    return Entry(row.number, row.time, row.environment, row.kind, body, row.previous, row.hash)


def _hash(previous: str, moment: float, environment: str, kind: str, body: str) -> str:
    return hashlib.sha256("\0".join((previous, repr(moment), environment, kind, body)).encode()).hexdigest()


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _words(error: DBAPIError) -> str:
    """What the database says; PostgreSQL's driver gives a dict, with the sentence at M."""
    said = error.orig.args[0] if error.orig and error.orig.args else ""
    text = said.get("M", "") if isinstance(said, dict) else str(said)
    return (text or type(error).__name__).strip().splitlines()[0]


def _shown(url: str) -> str:
    """The address without a password."""
    parsed = make_url(url)
    return str(Path(parsed.database or "")) if parsed.drivername == "sqlite" else parsed.render_as_string()


def hold(connection: Connection, environment: str, token: int, holder: str, expires: float) -> None:
    """Write who holds an environment's lock."""
    values = {"token": token, "holder": holder, "expires": expires}
    done = connection.execute(update(LOCKS).where(LOCKS.c.environment == environment).values(**values))
    if not done.rowcount:
        connection.execute(LOCKS.insert().values(environment=environment, **values))


def held(connection: Connection, environment: str) -> Any:
    """The row of an environment's lock, if it was ever held."""
    return connection.execute(select(LOCKS).where(LOCKS.c.environment == environment)).one_or_none()
