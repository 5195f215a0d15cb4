"""The servers that carry sagas: SQLite, the PostgreSQL of TEST_DATABASE_URL, and Temporal from its wheel."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

Connect = Callable[[str], AsyncEngine]


@pytest.fixture
async def connect(tmp_path: Path) -> AsyncIterator[Connect]:
    """Give an engine for `sqlite` or `postgresql`."""
    engines: list[AsyncEngine] = []

    def engine(kind: str) -> AsyncEngine:
        url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
        if kind == "postgresql":
            said = os.environ.get("TEST_DATABASE_URL")
            if said is None:
                pytest.skip("TEST_DATABASE_URL names no server")
            url = said.replace("postgresql://", "postgresql+asyncpg://")
        engines.append(create_async_engine(url))
        return engines[-1]

    yield engine
    for each in engines:
        await each.dispose()


@pytest.fixture(scope="session")
def temporal() -> Iterator[str]:
    """Start a server that keeps everything in memory; its address."""
    program = Path(sys.executable).with_name("temporal")
    ports = [f"--{name}={_free_port()}" for name in ("port", "http-port", "metrics-port")]
    server = subprocess.Popen(  # noqa: S603
        [program, "server", "start-dev", "--headless", "--log-level=error", *ports],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield ports[0].replace("--port=", "127.0.0.1:")
    finally:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
