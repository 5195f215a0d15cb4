"""The databases that there are: SQLite, and those that TEST_DATABASE_URL and TEST_MONGODB_URL name."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from sqlalchemy.ext.asyncio import create_async_engine

from .databases import Mongo, Place, Sql


@pytest.fixture(params=["sqlite", "postgresql", "mongodb"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Give an empty database."""
    if request.param == "mongodb":
        async with mongodb() as mongo:
            yield mongo
        return
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    if request.param == "postgresql":
        url = said("TEST_DATABASE_URL").replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url)
    yield Sql(engine)
    await engine.dispose()


@pytest.fixture
async def mongo() -> AsyncIterator[Mongo]:
    """Give an empty database of MongoDB."""
    async with mongodb() as place:
        yield place


@asynccontextmanager
async def mongodb() -> AsyncIterator[Mongo]:
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(said("TEST_MONGODB_URL")) as client:
        name = f"test_{uuid.uuid4().hex}"
        yield Mongo(client, name)
        await client.drop_database(name)


def said(variable: str) -> str:
    """Read the address in a variable; without one, the test is skipped."""
    found = os.environ.get(variable)
    if found is None:
        pytest.skip(f"{variable} names no server")
    return found
