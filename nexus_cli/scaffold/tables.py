"""The tables of a service: what its resources mean to a database, as values that a file can keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from nexus_cli.errors import UsageError

TENANT = "tenant_id"
VERSION = "row_version"
NOBODY = "unassigned"
"""Whose rows are that were there before their table belonged to tenants."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its field's type; `references` is a table, `default` what rows without a value get.

    In a table of tenants `unique` holds within each (`tenant`), and so does a reference to another such table
    (`tenant_reference`).
    """

    name: str
    type: str
    optional: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    references: str | None = None
    default: str | None = None
    tenant: bool = False
    tenant_reference: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its unique constraint; that of the tenant is what references lead to."""
        if self.name == TENANT:
            return (TENANT, "id")
        return (TENANT, self.name) if self.tenant else (self.name,)

    @property
    def stored(self) -> str:
        """What the database keeps: a reference is an identifier."""
        return "uuid" if self.type == "ref" else self.type

    @property
    def indexed(self) -> bool:
        """Whether it has an index of its own; a unique one has its constraint's."""
        return self.type == "ref" and not self.unique

    @property
    def literal(self) -> str | None:
        """Its default as SQL."""
        if self.default is None:
            return None
        if self.type == "bool":
            return self.default.lower()
        return self.default if self.type in {"int", "float", "money"} else _quoted(self.default)


@dataclass(frozen=True, slots=True)
class Table:
    """The table of a resource with its fields, tenant and version; identifier and times are not listed."""

    name: str
    resource: str
    columns: tuple[Column, ...]

    @property
    def tenant(self) -> bool:
        """Whether each row belongs to a tenant."""
        return self.column(TENANT) is not None

    def column(self, name: str) -> Column | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of a service; `inbox` has events that were handled, `outbox` those to be published."""

    tables: tuple[Table, ...] = ()
    inbox: bool = False
    outbox: bool = False

    def table(self, name: str) -> Table | None:
        """The table of this name."""
        return next((table for table in self.tables if table.name == name), None)


def tables_of(variables: Mapping[str, Any]) -> Tables:
    """The tables that a service's variables ask for; nothing without a database.

    A reference becomes a foreign key where its resource is the service's own and stands before it.
    """
    connections = variables.get("connections") or ()
    if "DATABASE_URL" not in connections:
        return Tables()
    resources: Sequence[Mapping[str, Any]] = variables.get("resources") or ()
    known: dict[str, Table] = {}
    for resource in resources:
        name, table = resource["name"], resource["plural"].replace("-", "_")
        owner = (Column(TENANT, "string", unique=True, default=NOBODY),) if resource.get("tenant") else ()
        version = Column(VERSION, "int", default="1")
        known[name] = Table(table, name, owner)  # a reference may lead to its own table
        columns = (_column(field, known[name], known) for field in resource["fields"])
        known[name] = Table(table, name, (*owner, *columns, version))
    events = "NATS_URL" in connections
    return Tables(tuple(known.values()), inbox=events, outbox=events)


def _column(field: Mapping[str, Any], table: Table, known: Mapping[str, Table]) -> Column:
    default = field.get("default")
    target = known.get(field["target"]) if field["type"] == "ref" else None
    return Column(
        name=field["name"],
        type=field["type"],
        optional=bool(field["optional"]),
        unique=bool(field["unique"]),
        values=tuple(field["values"]),
        references=target.name if target else None,
        default=None if default is None else str(default),
        tenant=table.tenant and bool(field["unique"]),
        tenant_reference=table.tenant and target is not None and target.tenant,
    )


def written(tables: Tables) -> str:
    """The tables as JSON, a line a column, so that a person sees what changed and git can merge it."""
    listed = ",\n".join(_written(table) for table in tables.tables)
    listed = f"\n{listed}\n  " if listed else ""
    boxes = "".join(f'  "{box}": {json.dumps(getattr(tables, box))},\n' for box in ("inbox", "outbox"))
    return f'{{\n{boxes}  "tables": [{listed}]\n}}\n'


def older(tables: Tables) -> Tables:
    """The same tables as they were when none was recorded: without versions and outbox."""
    kept = (replace(t, columns=tuple(c for c in t.columns if c.name != VERSION)) for t in tables.tables)
    return replace(tables, tables=tuple(kept), outbox=False)


def _written(table: Table) -> str:
    columns = ",\n".join(f"      {json.dumps(_said(c), ensure_ascii=False)}" for c in table.columns)
    head = f'"name": {json.dumps(table.name)}, "resource": {json.dumps(table.resource)}'
    return f'    {{{head}, "columns": [\n{columns}\n    ]}}'


def _said(column: Column) -> dict[str, Any]:
    """A column without what goes without saying."""
    said = {field.name: getattr(column, field.name) for field in fields(column)}
    return {key: value for key, value in said.items() if value not in (None, False, ())}


def read(text: str, file: str) -> Tables:
    """The tables of such a JSON text; `file` is where it lies."""
    try:
        record = json.loads(text)
        return Tables(
            tuple(
                Table(
                    table["name"],
                    table["resource"],
                    tuple(Column(**{**c, "values": tuple(c.get("values", ()))}) for c in table["columns"]),
                )
                for table in record["tables"]
            ),
            inbox=bool(record["inbox"]),
            outbox=bool(record.get("outbox", False)),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{file} cannot be read: it should hold the tables that the migrations beside it make",
            hint="take it from git; after a merge, keep the tables of both sides",
        ) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
