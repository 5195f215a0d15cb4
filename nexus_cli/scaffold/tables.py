"""The tables of a service: what its resources mean to a database, as values that a file can keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from nexus_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its field's type; `references` is a table, `default` what rows without a value get."""

    name: str
    type: str
    optional: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    references: str | None = None
    default: str | None = None

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
    """The table of a resource; identifier and times, which every one has, are not listed."""

    name: str
    resource: str
    columns: tuple[Column, ...]

    @property
    def references(self) -> dict[str, str]:
        """The tables that its foreign keys lead to, by column."""
        return {column.name: column.references for column in self.columns if column.references}

    def column(self, name: str) -> Column | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of a service; `inbox` holds which events were handled."""

    tables: tuple[Table, ...] = ()
    inbox: bool = False

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
    names: dict[str, str] = {}
    tables = []
    for resource in resources:
        names[resource["name"]] = table = resource["plural"].replace("-", "_")
        columns = tuple(_column(field, names) for field in resource["fields"])
        tables.append(Table(table, resource["name"], columns))
    return Tables(tuple(tables), "NATS_URL" in connections)


def _column(field: Mapping[str, Any], names: Mapping[str, str]) -> Column:
    default = field.get("default")
    return Column(
        name=field["name"],
        type=field["type"],
        optional=bool(field["optional"]),
        unique=bool(field["unique"]),
        values=tuple(field["values"]),
        references=names.get(field["target"]) if field["type"] == "ref" else None,
        default=None if default is None else str(default),
    )


def written(tables: Tables) -> str:
    """The tables as JSON, a line a column, so that a person sees what changed and git can merge it."""
    listed = ",\n".join(_written(table) for table in tables.tables)
    inbox, listed = json.dumps(tables.inbox), f"\n{listed}\n  " if listed else ""
    return f'{{\n  "inbox": {inbox},\n  "tables": [{listed}]\n}}\n'


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
            bool(record["inbox"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{file} cannot be read: it should hold the tables that the migrations beside it make",
            hint="take it from git; after a merge, keep the tables of both sides",
        ) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
