"""A service whose model changes, on a real PostgreSQL: its rows live through the next migration and back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rendering import Venv
from servers import Process, create, database, postgres

from nexus_cli.engine import go_project
from nexus_cli.events import Event
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.difference import difference, losses
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.tables import Column, Table, Tables
from nexus_cli.scaffold.workspace import create as create_workspace
from nexus_cli.unit import GoProject

HEAD = "nexus: v1\nkind: service\nname: order\ntype: {type}\nport: 4001\nuses: [{uses}]\nresources:\n"
FIRST = """\
  customer:
    fields: {email: string unique}
  thing:
    fields:
      name: string
      note: text optional
      count: int
      day: date
      status: enum(new, sold) = new
      customer: ref(customer) optional
      code: string unique
      old: bool = false
  account:
    fields: {email: string unique}
  entry:
    fields: {account: ref(account), entry: ref(entry) optional}
  leftover:
    fields: {name: string}
"""
THEN = """\
  customer:
    fields: {email: string unique, phone: string optional unique}
  maker:
    fields: {name: string}
  entry:
    tenant: true
    fields: {account: ref(account), entry: ref(entry) optional}
  account:
    tenant: true
    fields: {email: string unique}
  thing:
    fields:
      name: text
      note: text = it's 10:00, a "b\\\\c" :d; e
      count: text optional
      day: datetime
      status: enum(new, sold, lost) = new
      customer: uuid optional
      code: string
      price: money = 1.50
      maker: ref(maker) optional
      since: datetime = 2026-01-01T00:00:00Z
      group: enum(a, b-c) = b-c
      fresh: bool = true
      extra: json = {}
"""
ROWS = """
INSERT INTO customers (id, email, created_at, updated_at)
VALUES ('018f0000-0000-7000-8000-000000000001', 'ada@example.org', now(), now());
INSERT INTO things (id, name, note, count, day, status, customer, code, old, created_at, updated_at)
VALUES ('018f0000-0000-7000-8000-000000000002', 'Tea', NULL, 3, '2026-02-03', 'sold',
    '018f0000-0000-7000-8000-000000000001', 'T-1', true, now(), now());
"""
TOLD = 'name, note, count, day::text, status, customer::text, code, price, since::text, "group", fresh'
AFTERWARDS = [
    *("Tea", 'it\'s 10:00, a "b\\\\c" :d; e', "3", "2026-02-03 00:00:00+00", "sold"),
    *("018f0000-0000-7000-8000-000000000001", "T-1", "1.50", "2026-01-01 00:00:00+00"),
    *("b-c", True, "{}"),
]
BACK = "SELECT name, note, count, day::text, old FROM things"
RETURNED = ["Tea", 'it\'s 10:00, a "b\\\\c" :d; e', 3, "2026-02-03", False]
SHAPE = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT IN ('alembic_version', 'goose_db_version')
ORDER BY 1, 2
"""
RULES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('u', 'f', 'c', 'p')
    AND conrelid::regclass::text NOT IN ('alembic_version', 'goose_db_version')
ORDER BY 1, 2
"""
INDEXES = "SELECT tablename, indexname FROM pg_indexes WHERE indexname LIKE 'ix%' ORDER BY 1, 2"
ASK = """
import asyncio, json, sys
import asyncpg

async def main():
    connection = await asyncpg.connect(sys.argv[1])
    statement = sys.argv[2]
    if statement.lstrip().startswith("SELECT"):
        rows = await connection.fetch(statement)
        print(json.dumps([list(row.values()) for row in rows], default=str))
    else:
        await connection.execute(statement)
    await connection.close()

asyncio.run(main())
"""


def ignore(event: Event) -> None:
    del event


@dataclass
class Database:
    """A database of the test's own."""

    url: str
    venv: Venv

    def ask(self, statement: str) -> list[list[object]]:
        done = self.venv.run(Path("/"), "python", "-c", ASK, self.url, statement)
        assert done.returncode == 0, done.stderr
        rows: list[list[object]] = json.loads(done.stdout or "[]")
        return rows

    @property
    def shape(self) -> list[list[list[object]]]:
        """Columns, constraints and indexes of every table."""
        return [self.ask(statement) for statement in (SHAPE, RULES, INDEXES)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tools: Venv) -> Iterator[Process]:
    process = postgres(tools.site, tmp_path_factory.mktemp("postgres") / "server")
    process.listen()
    yield process
    process.stop()


@pytest.fixture
def databases(server: Process, tools: Venv, venv: Venv) -> Callable[[str], Database]:
    def make(name: str) -> Database:
        create(tools, server, name)
        return Database(database(server, name), venv)

    return make


def describe(root: Path, kind: str, resources: str, uses: str = "postgres") -> None:
    text = HEAD.format(type=kind, uses=uses) + resources
    (root / "blueprints/services/order.yaml").write_text(text, encoding="utf-8")


def workspace(folder: Path, kind: str, resources: str, uses: str = "postgres") -> Path:
    create_workspace("shop", folder, Choice(), ignore)
    describe(folder, kind, resources, uses)
    generate_app(folder, "order", Choice())
    return folder / "services/order"


def alembic(venv: Venv, service: Path, url: str, call: str) -> None:
    code = f"import sys; from alembic import command; from order_service.generated import migrate; {call}"
    done = venv.run(service, "python", "-c", code, url, PYTHONPATH="src")
    assert done.returncode == 0, done.stdout + done.stderr


UPGRADE = "migrate.migrate(sys.argv[1]); migrate.check(sys.argv[1])"
DOWNGRADE = "command.downgrade(migrate._config(sys.argv[1]), '-1')"


def test_a_python_services_rows_live_through_a_change_and_back(
    tmp_path: Path, venv: Venv, databases: Callable[[str], Database]
) -> None:
    service = workspace(tmp_path / "shop", "fastapi", FIRST)
    mine = databases("python")
    alembic(venv, service, mine.url, UPGRADE)
    mine.ask(ROWS)
    first = mine.shape
    describe(tmp_path / "shop", "fastapi", THEN, "postgres, nats")
    outcome = generate_app(tmp_path / "shop", "order", Choice(allow_data_loss=True))
    assert [c.path for c in outcome.changes if "/versions/" in c.path and c.status == "created"] == [
        "services/order/migrations/versions/0002_change_tables.py"
    ]
    alembic(venv, service, mine.url, UPGRADE)
    assert mine.ask(f"SELECT {TOLD}, extra::text FROM things") == [AFTERWARDS]
    scratch = databases("python_scratch")
    fresh = workspace(tmp_path / "fresh", "fastapi", THEN, "postgres, nats")
    alembic(venv, fresh, scratch.url, UPGRADE)
    assert mine.shape == scratch.shape
    alembic(venv, service, mine.url, DOWNGRADE)
    assert mine.shape == first
    assert mine.ask(BACK) == [RETURNED]
    alembic(venv, service, mine.url, UPGRADE)
    assert mine.shape == scratch.shape


def test_a_python_services_migrations_are_formatted_and_its_tests_pass(tmp_path: Path, venv: Venv) -> None:
    service = workspace(tmp_path / "shop", "fastapi", FIRST)
    describe(tmp_path / "shop", "fastapi", THEN, "postgres, nats")
    generate_app(tmp_path / "shop", "order", Choice(allow_data_loss=True))
    describe(tmp_path / "shop", "fastapi", FIRST)
    generate_app(tmp_path / "shop", "order", Choice(allow_data_loss=True))
    for command in (
        ("ruff", "format", "--check", "--diff", "--no-cache", "."),
        ("ruff", "check", "--no-cache", "."),
        ("mypy", "--strict", "migrations/versions"),
        ("pytest", "-q", "-p", "no:cacheprovider"),
    ):
        done = venv.run(service, *command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.timeout(900)
def test_a_go_services_rows_live_through_a_change_and_back(
    tmp_path: Path, databases: Callable[[str], Database]
) -> None:
    service = workspace(tmp_path / "shop", "go", FIRST)
    mine = databases("go")
    goose(service, mine.url)
    mine.ask(ROWS)
    first = mine.shape
    describe(tmp_path / "shop", "go", THEN, "postgres, nats")
    generate_app(tmp_path / "shop", "order", Choice(allow_data_loss=True))
    goose(service, mine.url)
    assert mine.ask(f"SELECT {TOLD}, extra::text FROM things") == [AFTERWARDS]
    scratch = databases("go_scratch")
    fresh = workspace(tmp_path / "fresh", "go", THEN, "postgres, nats")
    goose(fresh, scratch.url)
    assert mine.shape == scratch.shape
    (later,) = (service / "migrations").glob("00002_*.sql")
    mine.ask(later.read_text(encoding="utf-8").partition("-- +goose Down")[2])
    assert mine.shape == first
    assert mine.ask(BACK) == [RETURNED]


def goose(service: Path, url: str) -> None:
    """Bring a database to the newest version by the service's own program."""
    go = go_project.compiler(GoProject(service), print)
    environment = {**go_project.settings(os.environ), "DATABASE_URL": url}
    command = [str(go), "run", "./cmd/order", "migrate"]
    done = subprocess.run(command, cwd=service, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


WRITTEN = {"enum": "enum(red, blue)"}
VALUES = {
    "string": "'x'",
    "text": "'x'",
    "int": "3",
    "float": "0.5",
    "money": "1.50",
    "bool": "true",
    "date": "'2026-02-03'",
    "datetime": "'2026-02-03T04:05:06Z'",
    "uuid": "'018f0000-0000-7000-8000-000000000001'",
    "enum": "'red'",
    "json": "'{}'",
}
PAIRS = {f"{old}_{new}": (old, new) for old in VALUES for new in VALUES if old != new}


def both(old: str, new: str) -> tuple[Tables, Tables]:
    """A model before and after its one column changed."""
    before, after = (
        Column("c", kind, values=("red", "blue") if kind == "enum" else ()) for kind in (old, new)
    )
    return Tables((Table("t", "t", (before,)),)), Tables((Table("t", "t", (after,)),))


KEPT = [name for name, (old, new) in PAIRS.items() if not list(losses(difference(*both(old, new))))]


def wide(number: int) -> str:
    """A resource with a field for each pair of types, of the first or second type of the pair."""
    fields = [
        f"      c_{name}: {WRITTEN.get(pair[number], pair[number])} optional" for name, pair in PAIRS.items()
    ]
    return "  thing:\n    fields:\n" + "\n".join(fields) + "\n"


@pytest.mark.parametrize("kind", ["fastapi", "go"])
def test_every_type_becomes_every_other(
    kind: str, tmp_path: Path, venv: Venv, databases: Callable[[str], Database]
) -> None:
    service = workspace(tmp_path / "shop", kind, wide(0))
    mine = databases(f"types_{kind}")
    move(service, venv, mine, "0001", "up")
    first = mine.shape
    names, values = (
        ", ".join(words) for words in ([f"c_{n}" for n in KEPT], [VALUES[PAIRS[n][0]] for n in KEPT])
    )
    key = "'018f0000-0000-7000-8000-000000000001'"
    mine.ask(
        f"INSERT INTO things (id, created_at, updated_at, {names}) VALUES ({key}, now(), now(), {values})"
    )
    asked = f"SELECT {', '.join(f'c_{name}::text' for name in KEPT)} FROM things"
    before = mine.ask(asked)
    describe(tmp_path / "shop", kind, wide(1))
    generate_app(tmp_path / "shop", "order", Choice(allow_data_loss=True))
    move(service, venv, mine, "0002", "up")
    assert None not in mine.ask(asked)[0]
    scratch = databases(f"types_{kind}_scratch")
    move(workspace(tmp_path / "fresh", kind, wide(1)), venv, scratch, "0001", "up")
    assert mine.shape == scratch.shape
    move(service, venv, mine, "0002", "down")
    assert mine.shape == first
    assert mine.ask(asked) == before


def move(service: Path, venv: Venv, mine: Database, number: str, way: str) -> None:
    """Apply one migration, or take it back."""
    if (service / "migrations/env.py").exists():
        alembic(venv, service, mine.url, UPGRADE if way == "up" else DOWNGRADE)
        return
    (file,) = (service / "migrations").glob(f"0{number}_*.sql")
    up, _, down = file.read_text(encoding="utf-8").partition("-- +goose Down")
    mine.ask(up if way == "up" else down)
