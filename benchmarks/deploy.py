"""Deployments under a constant load: requests lost, and how long it takes to be back at the old release.

`python -m benchmarks deploy` needs a Docker engine with the images of the tests beside the process engine. It
is the long form of what the tests prove, and takes about an hour on two processors.
"""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.e2e.conftest import free_port, until
from tests.support.load import Load, under_load
from tests.support.shop import DEPLOY, Shop, killed, opened, settled

DEPLOYS, ROLLBACKS = 10, 5
STRATEGIES = ("rolling", "blue-green", "canary")
PARTS = {"prepare": "start to healthy", "start": "start to healthy", "shift": "switch", "drain": "drain"}
Row = tuple[str, float, float, str]


def deploy() -> Iterator[Row]:
    """Each strategy on each engine, after two controls: no deployment, and a stop before the start."""
    for engine in ("process", "docker"):
        with tempfile.TemporaryDirectory() as folder:
            shop = opened(Path(folder) / "shop", engine, free_port())
            try:
                yield from _controls(shop)
                versions = (f"w{number}" for number in itertools.count(1))
                for strategy in STRATEGIES:
                    yield from _calm(shop, strategy, versions)
                for strategy in (*STRATEGIES, "recreate"):
                    yield from _killed(shop, strategy, versions)
            finally:
                shop.ok("down", "--env", "production", "--volumes")


def _controls(shop: Shop) -> Iterator[Row]:
    """That nothing is lost without a deployment, and that what is lost is seen."""
    shop.ok("deploy", "production")
    with under_load(shop.port) as load:
        time.sleep(5)
    what = f"{shop.engine}: requests lost without a deployment, of {len(load.answers)}"
    yield what, len(load.failures()), 0, ""
    with under_load(shop.port) as load:
        settled(load)
        shop.ok("restart", "order", "--env", "production")
        settled(load)
        lost = len(load.failures())
        _well_again(load)  # what is lost until then is not the first strategy's
    yield f"{shop.engine}: stop, then start, loses requests ({lost}) and is seen", int(not lost), 0, ""


def _well_again(load: Load) -> None:
    """Until a request of each kind has been answered well since now."""
    now, kinds = time.monotonic(), {answer.what for answer in load.answers}
    until(lambda: {a.what for a in list(load.answers) if a.sent >= now and a.status == 200} == kinds, 60)  # noqa: PLR2004


def _calm(shop: Shop, strategy: str, versions: Iterator[str]) -> Iterator[Row]:
    """Deployments with a rollback after every second one, which all end by themselves."""
    _describe(shop, strategy)
    backs: list[tuple[float, Mapping[str, float]]] = []
    late = 0
    with under_load(shop.port) as load:
        for turn in range(DEPLOYS):
            version = next(versions)
            shop.write(version)
            shop.ok("deploy", "production")
            after = time.monotonic()
            settled(load)
            late += len([a for a in list(load.answers) if a.sent >= after and a.said != version])
            if turn % (DEPLOYS // ROLLBACKS) == 1:
                backs.append(_back(shop, load, version))
        settled(load)
    name = f"{shop.engine}, {strategy}"
    what = f"{name}: requests lost in {DEPLOYS} deploys and {len(backs)} rollbacks"
    yield f"{what}, of {len(load.answers)}", len(load.failures()), 0, ""
    yield f"{name}: answers of the release before, once a deploy had ended", late, 0, ""
    kept = strategy == "blue-green"
    words = "to the side that was kept" if kept else "to one that is started"
    spent = [
        f"{part} {statistics.median(parts.get(part, 0.0) for _, parts in backs):.2f}" for part in backs[0][1]
    ]
    took = statistics.median(seconds for seconds, _ in backs)
    yield f"{name}: back {words} ({', '.join(spent)})", took, 2.0 if kept else 10.0, "s"


def _killed(shop: Shop, strategy: str, versions: Iterator[str]) -> Iterator[Row]:
    """A deployment killed after each event that it tells of, then resumed, rolled back or deployed over."""
    _describe(shop, strategy)
    ways = itertools.cycle((("deploy", "production", "--resume"), ("rollback", "production"), ()))
    stuck = 0
    with under_load(shop.port) as load:
        for number in itertools.count(1):
            shop.write(next(versions))
            ended = killed(shop, number)
            after = next(ways)
            if ended:
                break
            done = shop.nexus(*after) if after else None
            stuck += int(done is not None and done.returncode != 0 and "was broken off" not in done.stderr)
        shop.ok("deploy", "production")
        settled(load)
    name = f"{shop.engine}, {strategy}, killed after each of {number} events"
    if strategy != "recreate":  # which refuses requests while it works
        yield f"{name}: requests lost, of {len(load.answers)}", len(load.failures()), 0, ""
    yield f"{name}: not resumed, or not taken back", stuck, 0, ""
    yield f"{name}: the ledger is whole", shop.nexus("audit", "verify").returncode, 0, ""


def _describe(shop: Shop, strategy: str) -> None:
    for name in ("catalog", "order"):
        shop.describe(name, deploy={**DEPLOY, "strategy": strategy, "hold": "500ms", "steps": [50, 100]})


def _back(shop: Shop, load: Load, new: str) -> tuple[float, Mapping[str, float]]:
    """Seconds from the beginning of the command to the last answer of the new release, and those by part."""
    settled(load)
    began, at = time.monotonic(), time.time()
    shop.ok("rollback", "production")
    settled(load)
    took = max(answer.sent for answer in load.answers if answer.said == new) - began
    (run,) = json.loads(shop.ok("history", "production", "-n", "1", "-o", "json"))
    parts = {"plan and lock": run["time"] - at}
    for step in run["steps"]:
        part = PARTS.get(step["id"].split()[0])
        if part and step["seconds"] is not None:
            parts[part] = parts.get(part, 0.0) + step["seconds"]
    return took, parts
