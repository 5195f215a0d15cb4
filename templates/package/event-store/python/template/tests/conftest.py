"""An empty store on each database that there is: SQLite, and the PostgreSQL of TEST_DATABASE_URL."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    if request.param == "postgresql":
        said = os.environ.get("TEST_DATABASE_URL")
        if said is None:
            pytest.skip("TEST_DATABASE_URL names no server")
        url = said.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url)
    yield engine
    await engine.dispose()
