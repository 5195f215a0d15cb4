"""The difference of two models: what a database must do, in which order, and what of it loses data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus_cli.blueprint.fields import parse_field
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.difference import (
    AlterTable,
    Change,
    CreateInbox,
    CreateTable,
    DropInbox,
    DropTable,
    difference,
    losses,
    named,
    restorable,
)
from nexus_cli.scaffold.tables import Column, Table, Tables, read, tables_of, written


def model(*, nats: bool = False, **resources: dict[str, str]) -> Tables:
    """Tables as a service's variables say them; a resource's fields are written as in a blueprint."""
    described = [
        {
            "name": name,
            "plural": f"{name}s",
            "fields": [
                {
                    "name": key,
                    **{
                        part: getattr(parse_field(text), part)
                        for part in ("type", "optional", "unique", "values", "target", "default")
                    },
                }
                for key, text in fields.items()
            ],
        }
        for name, fields in resources.items()
    ]
    connections = ["DATABASE_URL", *(["NATS_URL"] if nats else [])]
    return tables_of({"connections": connections, "resources": described})


def changed(before: str, after: str) -> tuple[Change, ...]:
    return difference(model(item={"a": "int", "f": before}), model(item={"a": "int", "f": after}))


def lost(before: Tables, after: Tables) -> list[str]:
    return [loss.what for loss in losses(difference(before, after))]


def test_without_a_database_there_are_no_tables() -> None:
    assert tables_of({"connections": ["NATS_URL"], "resources": []}) == Tables()


def test_equal_models_differ_in_nothing() -> None:
    one = model(item={"a": "int", "b": "enum(x, y) = x"})
    assert difference(one, one) == ()
    assert difference(one, model(item={"b": "enum(y, x) = y", "a": "int = 3"})) == ()


def test_tables_are_made_before_what_refers_to_them_and_dropped_after() -> None:
    before = model(old={"a": "int"}, older={"old": "ref(old)"}, item={"old": "ref(old)"})
    after = model(nats=True, maker={"a": "int"}, part={"maker": "ref(maker)"}, item={"maker": "ref(maker)"})
    kinds = [
        change.table.name if isinstance(change, CreateTable | DropTable | AlterTable) else change.kind
        for change in difference(before, after)
    ]
    assert kinds == ["create-inbox", "create-outbox", "makers", "parts", "items", "olders", "olds"]
    back = difference(after, before)
    assert isinstance(difference(before, after)[0], CreateInbox)
    assert isinstance(back[-1], DropInbox)


def test_a_reference_is_a_foreign_key_where_its_table_is_there_before() -> None:
    (item, part) = model(item={"part": "ref(part)", "item": "ref(item)"}, part={"item": "ref(item)"}).tables
    assert [column.references for column in item.columns] == [None, "items", None]
    assert [column.references for column in part.columns] == ["items", None]
    assert item.columns[0].indexed


def test_rows_that_are_given_to_tenants_change_their_keys() -> None:
    described = model(maker={"code": "string unique"}, item={"maker": "ref(maker)", "item": "ref(item)"})
    ours = Tables(tuple(of_tenants(table) for table in described.tables))
    makers, items = difference(described, ours)
    assert isinstance(makers, AlterTable)
    assert isinstance(items, AlterTable)
    assert [(c.name, c.after.key) for c in makers.tightened] == [
        ("tenant_id", ("tenant_id", "id")),
        ("code", ("tenant_id", "code")),
    ]
    assert [c.name for c in items.tightened] == ["tenant_id", "maker", "item"]
    assert len(lost(described, ours)) == len([makers, items])
    back = difference(ours, described)
    assert [change.table.name for change in back if isinstance(change, AlterTable)] == ["items", "makers"]
    assert [[c.name for c in b.loosened][-1] for b in back if isinstance(b, AlterTable)] == ["tenant_id"] * 2


def of_tenants(table: Table) -> Table:
    columns = (
        replace(column, tenant=column.unique, tenant_reference=bool(column.references))
        for column in table.columns
    )
    owner = Column("tenant_id", "string", unique=True, default="unassigned")
    return replace(table, columns=(owner, *columns))


@pytest.mark.parametrize(
    ("before", "after", "flags"),
    [
        ("string", "text", {"retyped", "converted"}),
        ("enum(a)", "enum(a, b)", {"retyped"}),
        ("int", "int optional", {"released"}),
        ("int optional", "int = 3", {"required"}),
        ("string", "string unique", {"unique_comes"}),
        ("string unique", "string", {"unique_goes"}),
        ("uuid", "ref(item)", {"index_comes", "reference_comes"}),
        ("ref(item) unique", "ref(item)", {"unique_goes", "index_comes"}),
        ("ref(item)", "uuid optional", {"index_goes", "reference_goes", "released"}),
    ],
)
def test_a_column_changes_in_exactly_this(before: str, after: str, flags: set[str]) -> None:
    (change,) = changed(before, after)
    assert isinstance(change, AlterTable)
    assert change.dropped == change.added == ()
    (column,) = change.changed
    every = ("retyped", "converted", "required", "released", "unique_goes", "unique_comes")
    every += ("index_goes", "index_comes", "reference_goes", "reference_comes")
    assert {name for name in every if getattr(column, name)} == flags


@pytest.mark.parametrize(
    ("before", "after"), [("date", "int"), ("bool", "money"), ("uuid", "json"), ("json", "bool")]
)
def test_a_type_that_no_value_survives_is_another_column(before: str, after: str) -> None:
    (change,) = changed(before, f"{after} optional")
    assert isinstance(change, AlterTable)
    assert [column.type for column in change.dropped] == [before]
    assert [column.type for column in change.added] == [after]
    assert [loss.what for loss in losses((change,))] == [f'no value of "f" can become {after}']


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("string", "text"),
        ("int", "text"),
        ("date", "datetime"),
        ("enum(a)", "enum(a, b)"),
        ("enum(a)", "string"),
        ("int", "int optional"),
        ("int optional", "int = 3"),
        ("ref(item)", "uuid"),
        ("string", "string unique"),
    ],
)
def test_what_keeps_every_value_loses_nothing(before: str, after: str) -> None:
    assert list(losses(changed(before, after))) == []


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("text", "string", '"f" is narrowed from text to string'),
        ("float", "int", '"f" is narrowed from float to int'),
        ("datetime", "date", '"f" is narrowed from datetime to date'),
        ("enum(a, b)", "enum(b, c)", '"f" can no longer be a'),
        ("int optional", "int", '"f" becomes required, and existing rows have no value for it'),
    ],
)
def test_what_loses_values_is_named(before: str, after: str, what: str) -> None:
    assert [loss.what for loss in losses(changed(before, after))] == [what]


def test_what_comes_and_goes_is_named_and_a_rename_is_seen_as_both() -> None:
    before = model(nats=True, item={"a": "int", "b": "text"}, old={"x": "int"})
    after = model(item={"b": "text", "c": "int"}, new={"x": "int"})
    found = list(losses(difference(before, after)))
    assert [loss.what for loss in found] == [
        'the column "a" is dropped',
        '"c" is new and required, and existing rows have no value for it',
        'the table "olds" is dropped',
        "the table of events to be published is dropped",
        "the table of handled events is dropped",
    ]
    assert [loss.hint.split(";")[0] for loss in (found[0], found[2])] == [
        'a rename to "c" is seen as dropping one and adding the other',
        'a rename to "news" is seen as dropping one and adding the other',
    ]
    assert lost(model(), before) == []


def test_the_way_back_has_values_for_what_comes_back() -> None:
    tables = model(item={"a": "int", "b": "enum(x, y)", "c": "string unique", "d": "text optional"})
    (table,) = restorable(tables).tables
    assert [column.default for column in table.columns] == ["0", "x", None, None, "1"]


def test_migrations_are_named_by_what_they_do() -> None:
    one, two = model(item={"a": "int"}), model(item={"a": "int", "b": "int = 1"})
    assert named(difference(one, two)) == "add_items_b"
    assert named(difference(two, one)) == "change_items"
    assert named(difference(model(), one)) == "create_items"
    assert named(difference(one, model())) == "drop_items"
    many = model(**{f"resource-number-{n}": {"a": "int"} for n in range(4)})
    assert named(difference(model(), many)) == "change_tables"


def test_the_record_is_read_as_it_was_written() -> None:
    tables = model(nats=True, maker={"n": "string unique"}, item={"m": "ref(maker)", "e": "enum(a, b) = b"})
    assert read(written(tables), "model.json") == tables
    assert '      {"name": "n", "type": "string", "unique": true},\n' in written(tables)
    assert read(written(Tables()), "model.json") == Tables()


@pytest.mark.parametrize("text", ["", "[]", '{"tables": []}', "<<<<<<< ours", '{"inbox": 1, "tables": [{}]}'])
def test_a_record_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"order/model\.json cannot be read"):
        read(text, "order/model.json")


def test_defaults_are_written_as_sql() -> None:
    written_as = [
        Column("a", kind, default=text).literal
        for kind, text in [("string", "it's"), ("money", "1.50"), ("bool", "True"), ("text", "x")]
    ]
    assert written_as == ["'it''s'", "1.50", "true", "'x'"]
    assert Column("a", "int").literal is None
