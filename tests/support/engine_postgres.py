"""Drives a real PostgreSQL through the engine: `engine_postgres.py STATE`, run by tests as other users."""

from __future__ import annotations

import sys
from pathlib import Path

from nexus_cli.engine.process import ProcessEngine
from tests.support.engine_units import exited, find, free_port, get_ready, postgres, printed, sql, until


def main(state: Path) -> None:
    """Start, write, stop, start again, read; prints the user that the server's files belong to."""
    engine = ProcessEngine(state, label="shop/development")
    try:
        port = free_port()
        unit = postgres(state, port)
        engine.start(unit)
        get_ready(engine, unit)
        ask(engine, port, "create table kept (value text); insert into kept values ('still here');")
        engine.stop("postgres")
        engine.start(unit)
        get_ready(engine, unit)
        assert ask(engine, port, "select value from kept;") == "still here"
        seen = find(engine, "postgres")
        assert seen is not None
        print(Path(f"/proc/{seen.pid}").stat().st_uid, (state / "data" / "postgres" / "base").stat().st_uid)
    finally:
        engine.shutdown(volumes=True)


def ask(engine: ProcessEngine, port: int, text: str) -> str:
    """The last line of what psql answers."""
    engine.start(sql(port, text))
    seen = until(engine, "postgres.shop", exited)
    assert seen.exit_code == 0, printed(engine, "postgres.shop")
    return (printed(engine, "postgres.shop") or [""])[-1]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
