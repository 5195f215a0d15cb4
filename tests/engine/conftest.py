"""An engine on a state folder of its own, which leaves nothing running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nexus_cli.engine.process import ProcessEngine

Make = Callable[[str], ProcessEngine]


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[Make]:
    """Makes engines of named environments, and shuts them down."""
    made: list[ProcessEngine] = []

    def make(name: str) -> ProcessEngine:
        engine = ProcessEngine(tmp_path / "shop" / ".nexus" / name, label=f"shop/{name}")
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.shutdown(volumes=True)


@pytest.fixture
def engine(make_engine: Make) -> ProcessEngine:
    """The engine of the environment `development`."""
    return make_engine("development")
