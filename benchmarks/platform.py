"""The full platform of the catalogue: generated, brought up, asked, and taken down.

`python -m benchmarks platform` needs about 5 GB of memory; its first `up` builds what the services run on.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
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
DATABASES = ("postgres", "redis", "nats", "s3")
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
    yield "resident memory of all", sum(_resident(one) for one in _processes(root)), 5000.0, "MB"
    yield "health endpoint, p95", _slow_answer(root), 50.0, "ms"
    yield "down", _nexus(root, "down"), 10.0, "s"
    before = _used_by_commands()
    yield "warm up to all healthy", _nexus(root, "up", "--free-ports"), 30.0, "s"
    used = _used_by_commands() - before + sum(map(_used, _processes(root)))
    yield "the same in processor time, whatever else goes on", used, 60.0, "s"
    _nexus(root, "down")
    yield "databases connected, warm", _nexus(root, "up", "--free-ports", *DATABASES), 5.0, "s"
    _nexus(root, "down")
    yield "payment alone, warm", _nexus(root, "up", "--free-ports", "payment"), 8.0, "s"


def _nexus(cwd: Path, *arguments: str) -> float:
    """The seconds that a whole command took."""
    began = time.perf_counter()
    env = {**os.environ, "NEXUS_ENGINE": "process"}  # also where a Docker engine answers
    done = subprocess.run([NEXUS, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"nexus {' '.join(arguments)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return time.perf_counter() - began


def _units(root: Path) -> list[dict[str, str]]:
    command = [NEXUS, "status", "--output", "json"]
    found = json.loads(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)
    units = found["units"] if isinstance(found, dict) else found
    return [unit for unit in units if unit["kind"] != "job"]


def _processes(root: Path) -> list[psutil.Process]:
    """All processes that work in the workspace, and what supervises them."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        inside = Path(process.info["cwd"] or "/").is_relative_to(root)
        if inside or any(word.startswith(str(root)) for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def _resident(process: psutil.Process) -> float:
    """Megabytes of one process; pages that several share count for each."""
    return float(process.memory_info().rss) / 1e6


def _used(process: psutil.Process) -> float:
    """Seconds of processor time of one process, and of those of its children that have ended."""
    return float(sum(process.cpu_times()[:4]))


def _used_by_commands() -> float:
    """Seconds of processor time of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
