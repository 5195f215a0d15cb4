"""What is deployed: a small shop. Ledgers that the tests write to: a file, and a real PostgreSQL server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nexus_cli.engine.process import ProcessEngine
from nexus_cli.release.ledger import Ledger
from tests.conftest import NEXUS
from tests.support.engine_units import free_port, get_ready, postgres
from tests.support.shop import Shop, opened


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own."""
    state = tmp_path_factory.mktemp("postgres")
    engine = ProcessEngine(state, label="shop/ledger")
    port = free_port()
    unit = postgres(state, port)
    unit = replace(unit, command=(*unit.command, "-c", "fsync=off"))  # nothing of it has to last
    try:
        if not engine.prepared(unit):
            engine.prepare(unit, lambda _: None)
        engine.start(unit)
        get_ready(engine, unit)
        yield f"postgresql+pg8000://nexus:secret@127.0.0.1:{port}/postgres"
    finally:
        engine.shutdown(volumes=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger: in a file, and in a database."""
    if request.param == "sqlite":
        yield Ledger(f"sqlite:///{tmp_path}/ledger.db")
        return
    found = Ledger(request.getfixturevalue("postgres_server"))
    yield found
    forget(found)


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    """An empty ledger in a file, for what does not depend on the database."""
    return Ledger(f"sqlite:///{tmp_path}/ledger.db")


def forget(ledger: Ledger) -> None:
    """Remove everything that a ledger in a database has."""
    from sqlalchemy import text

    with ledger.database.begin() as connection:
        connection.execute(text("DROP TABLE nexus_entries, nexus_locks; DROP FUNCTION nexus_refuse()"))
    ledger.database.dispose()


@pytest.fixture
def shop(tmp_path: Path, on: str) -> Iterator[Shop]:
    shop = opened(tmp_path / "shop", on, free_port())
    yield shop
    subprocess.run(
        [*NEXUS, "down", "--env", "production", "--volumes"], cwd=shop.root, capture_output=True, check=False
    )
