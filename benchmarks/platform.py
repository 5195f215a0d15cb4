"""The full platform of the catalogue: generated, brought up, asked, and taken down.

`python -m benchmarks platform` needs about 5 GB of memory; its first `up` builds what the services run on.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

NEXUS = str(Path(sys.executable).with_name("nexus"))
ROUNDS = 10
Row = tuple[str, float, float, str]


def platform() -> Iterator[Row]:
    """Every figure of a platform of 36 services on processes of this machine."""
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        yield (
            "full platform generated",
            _nexus(Path(folder), "init", "nexus", "--platform", "full"),
            15.0,
            "s",
        )
        root = Path(folder) / "nexus"
        try:
            yield from _running(root)
        finally:
            _nexus(root, "down", "--volumes")


def _running(root: Path) -> Iterator[Row]:
    yield "lint", statistics.median(_nexus(root, "lint") for _ in range(3)), 1.0, "s"
    yield "first up, environments built", _nexus(root, "up", "--free-ports"), 240.0, "s"
    yield "plan", statistics.median(_nexus(root, "plan") for _ in range(3)), 1.0, "s"
    yield "resident memory of all", _resident(root), 5000.0, "MB"
    yield "health endpoint, p95", _slow_answer(root), 50.0, "ms"
    yield "down", _nexus(root, "down"), 10.0, "s"
    yield "warm up to all healthy", _nexus(root, "up", "--free-ports"), 30.0, "s"
    _nexus(root, "down")
    yield "payment alone, warm", _nexus(root, "up", "--free-ports", "payment"), 8.0, "s"


def _nexus(cwd: Path, *arguments: str) -> float:
    """The seconds that a whole command took."""
    began = time.perf_counter()
    done = subprocess.run([NEXUS, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"nexus {' '.join(arguments)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return time.perf_counter() - began


def _units(root: Path) -> list[dict[str, str]]:
    command = [NEXUS, "status", "--output", "json"]
    found = json.loads(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)
    units = found["units"] if isinstance(found, dict) else found
    return [unit for unit in units if unit["kind"] != "job"]


def _resident(root: Path) -> float:
    """Megabytes of all processes that work in the workspace; pages that several share count for each."""
    total = 0
    for process in psutil.process_iter(["cwd"]):
        if Path(process.info["cwd"] or "/").is_relative_to(root):
            total += process.memory_info().rss
    return total / 1e6


def _slow_answer(root: Path) -> float:
    """The 95th percentile in milliseconds of `/health` of every service, asked in turn while all are up."""
    times = []
    addresses = [unit["url"].removeprefix("http://") for unit in _units(root) if unit["kind"] == "service"]
    for address in addresses * ROUNDS:
        began = time.perf_counter()
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/health")
        if connection.getresponse().status != http.HTTPStatus.OK:
            sys.exit(f"{address} is not well")
        connection.close()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(times, n=20)[-1]
