"""From one set of tables to another: what must be done to a database, and which of it loses data.

The way back is the difference of the same tables the other way round. Nothing tells a renamed table or column
from one that goes and another that comes, so it is seen as both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from nexus_cli.scaffold.tables import NOBODY, TENANT, Column, Table, Tables

_WIDER: Mapping[str, frozenset[str]] = {
    "string": frozenset({"text"}),
    "int": frozenset({"string", "text"}),
    "money": frozenset({"string", "text"}),
    "float": frozenset({"string", "text"}),
    "bool": frozenset({"string", "text"}),
    "uuid": frozenset({"string", "text"}),
    "enum": frozenset({"string", "text"}),
    "date": frozenset({"string", "text", "datetime"}),
    "datetime": frozenset({"string", "text"}),
    "json": frozenset({"text"}),
}
"""The types that can hold every value of a type."""

_NUMBERS = frozenset({"int", "float", "money"})
_WORDS = frozenset({"string", "text", "enum"})
_LONGEST = 50


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that stays but is told differently."""

    before: Column
    after: Column

    @property
    def name(self) -> str:
        """The column's name."""
        return self.after.name

    @property
    def retyped(self) -> bool:
        """Whether another type, or other values of an enum, are stored."""
        return self.converted or set(self.before.values) != set(self.after.values)

    @property
    def required(self) -> bool:
        """Whether rows could do without a value before, and cannot any more."""
        return self.before.optional and not self.after.optional

    @property
    def released(self) -> bool:
        """Whether rows can do without a value from now on."""
        return self.after.optional and not self.before.optional

    @property
    def unique_goes(self) -> bool:
        """Whether values may repeat from now on."""
        return self.before.unique and not (self.after.unique and self.before.key == self.after.key)

    @property
    def unique_comes(self) -> bool:
        """Whether values must differ from now on."""
        return self.after.unique and not (self.before.unique and self.before.key == self.after.key)

    @property
    def index_goes(self) -> bool:
        """Whether its index is not needed any more."""
        return self.before.indexed and not self.after.indexed

    @property
    def index_comes(self) -> bool:
        """Whether it needs an index from now on."""
        return self.after.indexed and not self.before.indexed

    @property
    def reference_goes(self) -> bool:
        """Whether its foreign key is no more, or leads elsewhere."""
        return self.before.references is not None and not self._same_reference

    @property
    def reference_comes(self) -> bool:
        """Whether it has a foreign key that it did not have."""
        return self.after.references is not None and not self._same_reference

    @property
    def _same_reference(self) -> bool:
        old, new = self.before, self.after
        return (old.references, old.tenant_reference) == (new.references, new.tenant_reference)

    @property
    def converted(self) -> bool:
        """Whether every value becomes one of another type."""
        return self.before.stored != self.after.stored

    @property
    def changes(self) -> bool:
        """Whether the database notices at all; a default is the service's own affair."""
        return any(
            (
                self.retyped,
                self.before.optional != self.after.optional,
                self.unique_goes or self.unique_comes,
                self.before.indexed != self.after.indexed,
                not self._same_reference,
            )
        )


@dataclass(frozen=True, slots=True)
class CreateInbox:
    """The table of handled events comes."""

    kind: ClassVar = "create-inbox"


@dataclass(frozen=True, slots=True)
class DropInbox:
    """The table of handled events goes."""

    kind: ClassVar = "drop-inbox"


@dataclass(frozen=True, slots=True)
class CreateOutbox:
    """The table of events that are to be published comes."""

    kind: ClassVar = "create-outbox"


@dataclass(frozen=True, slots=True)
class DropOutbox:
    """The table of events that are to be published goes."""

    kind: ClassVar = "drop-outbox"


@dataclass(frozen=True, slots=True)
class CreateTable:
    """A resource that was not there."""

    kind: ClassVar = "create-table"
    table: Table


@dataclass(frozen=True, slots=True)
class DropTable:
    """A resource that is no more."""

    kind: ClassVar = "drop-table"
    table: Table


@dataclass(frozen=True, slots=True)
class AlterTable:
    """A resource whose fields changed. A column that no value survives in is among both dropped and added."""

    kind: ClassVar = "alter-table"
    table: Table
    dropped: tuple[Column, ...] = ()
    added: tuple[Column, ...] = ()
    changed: tuple[ColumnChange, ...] = ()

    @property
    def loosened(self) -> tuple[ColumnChange, ...]:
        """The columns whose constraints or indexes go first."""
        changes = (*self.changed, *(ColumnChange(column, _plain(column)) for column in self.dropped))
        gone = (c for c in changes if c.unique_goes or c.index_goes or c.reference_goes)
        return tuple(sorted(gone, key=lambda c: c.name == TENANT))  # references lead to its key

    @property
    def altered(self) -> tuple[ColumnChange, ...]:
        """The columns that get another type, or may be empty from now on."""
        return tuple(change for change in self.changed if change.retyped or change.released)

    @property
    def required(self) -> tuple[ColumnChange, ...]:
        """The columns that may not be empty from now on."""
        return tuple(change for change in self.changed if change.required)

    @property
    def tightened(self) -> tuple[ColumnChange, ...]:
        """The columns whose constraints or indexes come last."""
        changes = (*self.changed, *(ColumnChange(_plain(column), column) for column in self.added))
        come = (c for c in changes if c.unique_comes or c.index_comes or c.reference_comes)
        return tuple(sorted(come, key=lambda c: c.name != TENANT))


Change = CreateInbox | DropInbox | CreateOutbox | DropOutbox | CreateTable | DropTable | AlterTable


@dataclass(frozen=True, slots=True)
class Loss:
    """What existing rows would lose, or could not satisfy; `column` is nothing when it is the whole table."""

    table: Table | None
    column: str | None
    what: str
    hint: str


_BLANK = {
    "string": "",
    "text": "",
    "int": "0",
    "float": "0",
    "money": "0",
    "bool": "false",
    "date": "1970-01-01",
    "datetime": "1970-01-01T00:00:00Z",
    "json": "null",
}


def restorable(tables: Tables) -> Tables:
    """The same tables with a value for each required column that would come back empty.

    A unique column or a reference has none that fits every row: the way back then needs an empty table.
    """
    return replace(tables, tables=tuple(_restorable(table) for table in tables.tables))


def _restorable(table: Table) -> Table:
    return replace(table, columns=tuple(_refilled(column) for column in table.columns))


def _refilled(column: Column) -> Column:
    if column.optional or column.unique or column.default is not None:
        return column
    return replace(column, default=column.values[0] if column.values else _BLANK.get(column.type))


def difference(before: Tables, after: Tables) -> tuple[Change, ...]:
    """What turns the tables from `before` into those of `after`, in an order that a database accepts."""
    changes: list[Change] = []
    if after.inbox and not before.inbox:
        changes.append(CreateInbox())
    if after.outbox and not before.outbox:
        changes.append(CreateOutbox())
    changes += _kept(before, after)
    changes += [DropTable(table) for table in reversed(before.tables) if after.table(table.name) is None]
    if before.outbox and not after.outbox:
        changes.append(DropOutbox())
    if before.inbox and not after.inbox:
        changes.append(DropInbox())
    return tuple(changes)


def _kept(before: Tables, after: Tables) -> Iterator[Change]:
    """What comes and what changes, a table before those that refer to it.

    Where one belongs to tenants no more it is after them: until then they refer to its key of tenant and row.
    """
    released = any(
        old.tenant and not table.tenant for table in after.tables if (old := before.table(table.name))
    )
    changed: list[Change] = []
    for table in after.tables:
        old = before.table(table.name)
        altered = _altered(old, table) if old else CreateTable(table)
        if isinstance(altered, AlterTable) and released:
            changed.insert(0, altered)
        elif altered:
            changed.append(altered)
    yield from sorted(changed, key=lambda change: released and not isinstance(change, CreateTable))


def _altered(before: Table, after: Table) -> AlterTable | None:
    dropped = [column for column in before.columns if after.column(column.name) is None]
    added, changed = [], []
    for column in after.columns:
        old = before.column(column.name)
        if old is None:
            added.append(column)
        elif not _convertible(old, column):
            dropped.append(old)
            added.append(column)
        elif ColumnChange(old, column).changes:
            changed.append(ColumnChange(old, column))
    if not (dropped or added or changed):
        return None
    return AlterTable(after, tuple(dropped), tuple(added), tuple(changed))


def _convertible(before: Column, after: Column) -> bool:
    """Whether values of the one type can become values of the other, at least some of them."""
    old, new = before.stored, after.stored
    related = ({old, new} <= _NUMBERS, {old, new} == {"date", "datetime"}, old in _WORDS or new in _WORDS)
    return old == new or any(related)


def _plain(column: Column) -> Column:
    """The column without what refers to it."""
    return Column(column.name, column.stored, column.optional, values=column.values, default=column.default)


def losses(changes: tuple[Change, ...]) -> Iterator[Loss]:
    """What of these changes existing rows do not survive whole."""
    for change in changes:
        if isinstance(change, DropInbox):
            yield Loss(None, None, "the table of handled events is dropped", _renamed(None))
        elif isinstance(change, DropOutbox):
            yield Loss(None, None, "the table of events to be published is dropped", _renamed(None))
        elif isinstance(change, DropTable):
            came = [c.table for c in changes if isinstance(c, CreateTable)]
            renamed = next((t for t in came if t.columns == change.table.columns), None)
            yield Loss(change.table, None, f'the table "{change.table.name}" is dropped', _renamed(renamed))
        elif isinstance(change, AlterTable):
            yield from _column_losses(change)


def _column_losses(change: AlterTable) -> Iterator[Loss]:
    replaced = {column.name for column in change.added} & {column.name for column in change.dropped}
    for column in change.dropped:
        if column.name in replaced:
            what = f'no value of "{column.name}" can become {_type(change.added, column.name)}'
            yield Loss(change.table, column.name, what, "give the field another name and fill it first")
            continue
        like = next((c for c in change.added if c.stored == column.stored), None)
        yield Loss(change.table, column.name, f'the column "{column.name}" is dropped', _renamed(like))
    for column in change.added:
        if column.name == TENANT:
            what = f'rows of "{change.table.name}" belong to no tenant yet, and become those of "{NOBODY}"'
            yield Loss(
                change.table, None, what, "move them to their tenants (`UPDATE`) once the column is there"
            )
        elif not column.optional and column.default is None:
            yield _unfilled(change.table, column, "is new and required")
    for changed in change.changed:
        yield from _change_losses(change.table, changed)


def _change_losses(table: Table, change: ColumnChange) -> Iterator[Loss]:
    old, new = change.before, change.after
    gone = [value for value in old.values if value not in new.values]
    if old.stored == new.stored == "enum" and gone:
        what = f'"{new.name}" can no longer be {", ".join(gone)}'
        yield Loss(table, new.name, what, "move rows to another value first, then take it away")
    elif old.stored != new.stored and new.stored not in _WIDER.get(old.stored, ()):
        what = f'"{new.name}" is narrowed from {old.type} to {new.type}'
        yield Loss(table, new.name, what, "add a field of the new type and fill it first")
    if change.required and new.default is None:
        yield _unfilled(table, new, "becomes required")


def _unfilled(table: Table, column: Column, how: str) -> Loss:
    hint = "give it a default (`= …`), or make it optional first, fill it, and require it in a second step"
    return Loss(table, column.name, f'"{column.name}" {how}, and existing rows have no value for it', hint)


def _renamed(like: Table | Column | None) -> str:
    if like is None:
        return "keep it until its data is not needed any more"
    return (
        f'a rename to "{like.name}" is seen as dropping one and adding the other; '
        "to keep the data, write it yourself: `nexus generate migration` with --by-hand"
    )


def _type(columns: tuple[Column, ...], name: str) -> str:
    return next(column.type for column in columns if column.name == name)


def named(changes: tuple[Change, ...]) -> str:
    """A name for a migration that makes these changes: what the only one does, or the tables that change."""
    tables: list[str] = []
    for change in changes:
        match change:
            case CreateInbox() | DropInbox():
                tables.append("consumed_events")
            case CreateOutbox() | DropOutbox():
                tables.append("outbox")
            case _:
                tables.append(change.table.name)
    match changes:
        case (AlterTable(dropped=(), added=(column,), changed=()) as only,):
            name = f"add_{only.table.name}_{column.name}"
        case (CreateTable() | CreateInbox() | CreateOutbox(),):
            name = f"create_{tables[0]}"
        case (DropTable() | DropInbox() | DropOutbox(),):
            name = f"drop_{tables[0]}"
        case _:
            name = f"change_{'_and_'.join(tables)}"
    return name if len(name) <= _LONGEST else "change_tables"
