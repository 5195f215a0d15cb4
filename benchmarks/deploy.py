"""Deployments under a constant load: requests lost, and how long it takes to be back at the old release.

`python -m benchmarks deploy` needs a Docker engine with the images of the tests beside the process engine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import free_port
from tests.support.load import Load, under_load
from tests.support.shop import DEPLOY, Shop, opened, settled

DEPLOYS, ROLLBACKS = 10, 5
Row = tuple[str, float, float, str]


def deploy() -> Iterator[Row]:
    """Each strategy on each engine, after two controls: no deployment, and a stop before the start."""
    for engine in ("process", "docker"):
        with tempfile.TemporaryDirectory() as folder:
            shop = opened(Path(folder) / "shop", engine, free_port())
            try:
                yield from _on(shop)
            finally:
                shop.ok("down", "--env", "production", "--volumes")


def _on(shop: Shop) -> Iterator[Row]:
    engine, version = shop.engine, 1
    shop.ok("deploy", "production")
    with under_load(shop.port) as load:
        time.sleep(5)
    yield f"{engine}: requests lost without a deployment, of {len(load.answers)}", len(load.failures()), 0, ""
    with under_load(shop.port) as load:
        settled(load)
        shop.ok("restart", "order", "--env", "production")
        settled(load)
    blind = int(not load.failures())
    yield f"{engine}: stop, then start, loses requests ({len(load.failures())}) and is seen", blind, 0, ""
    for strategy in ("rolling", "blue-green", "canary"):
        for name in ("catalog", "order"):
            shop.describe(name, deploy={**DEPLOY, "strategy": strategy, "hold": "500ms"})
        backs: list[float] = []
        with under_load(shop.port) as load:
            for turn in range(DEPLOYS):
                version += 1
                shop.write(f"v{version}")
                shop.ok("deploy", "production")
                if turn % (DEPLOYS // ROLLBACKS) == 1:
                    backs.append(_back(shop, load, f"v{version}"))
            settled(load)
        what = f"{engine}, {strategy}: requests lost in {DEPLOYS} deploys and {ROLLBACKS} rollbacks"
        yield f"{what}, of {len(load.answers)}", len(load.failures()), 0, ""
        bound = 2.0 if strategy == "blue-green" else 10.0
        yield (
            f"{engine}, {strategy}: rollback until nothing new answers",
            statistics.median(backs),
            bound,
            "s",
        )


def _back(shop: Shop, load: Load, new: str) -> float:
    """Seconds from the beginning of the command to the last request that the new release answered."""
    settled(load)
    began = time.monotonic()
    shop.ok("rollback", "production")
    settled(load)
    return max(answer.sent for answer in load.answers if answer.said == new) - began
