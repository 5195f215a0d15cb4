"""The full platform of the catalogue: generated, brought up, asked, and taken down.

`python -m benchmarks platform` (processes) and `platform-docker` (containers) need about 5 GB of memory; the
first `up` or `build` makes what the services run on.
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
from typing import Any

import psutil

from nexus_cli.blueprint.load import load
from nexus_cli.testing.operations import operations

NEXUS = str(Path(sys.executable).with_name("nexus"))
ROUNDS = 10
DATABASES = ("postgres", "redis", "nats", "s3")
Row = tuple[str, float, float, str]
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


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


def platform_on_docker() -> Iterator[Row]:
    """The same in containers: images, all healthy, memory, lists through the gateway, and nothing left."""
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        _nexus(Path(folder), "init", "nexus", "--platform", "full")
        root = Path(folder) / "nexus"
        try:
            yield from _in_containers(root)
            own = _own(root)
        finally:
            took = _nexus(root, "down", "--volumes", engine="docker")
        yield "down, with all that was stored", took, 60.0, "s"
        yield "left on the engine", float(len(_left(own))), 0.0, ""


def _in_containers(root: Path) -> Iterator[Row]:
    missing = [image["name"] for image in _json(root, "images", "list") if image["origin"] == "missing"]
    if missing:
        yield (
            f"{len(missing)} images of components made",
            _nexus(root, "images", "build", *missing),
            300.0,
            "s",
        )
    yield "images of all services built", _nexus(root, "build", engine="docker"), 240.0, "s"
    yield "up to all healthy", _nexus(root, "up", "--free-ports", engine="docker"), 180.0, "s"
    nothing = statistics.median(_nexus(root, "up", engine="docker") for _ in range(3))
    yield "up with nothing to do", nothing, 1.0, "s"
    yield "memory of all containers", _memory(root), 5000.0, "MB"
    yield "health endpoint, p95", _slow_answer(root), 50.0, "ms"
    yield _unserved(root)


def _running(root: Path) -> Iterator[Row]:
    yield "lint", statistics.median(_nexus(root, "lint") for _ in range(3)), 1.0, "s"
    yield "first up, environments built", _nexus(root, "up", "--free-ports"), 240.0, "s"
    yield "plan", statistics.median(_nexus(root, "plan") for _ in range(3)), 1.0, "s"
    yield "resident memory of all", sum(_resident(one) for one in _processes(root)), 5000.0, "MB"
    yield "health endpoint, p95", _slow_answer(root), 50.0, "ms"
    yield _unserved(root)
    yield "down", _nexus(root, "down"), 10.0, "s"
    before = _used_by_commands()
    yield "warm up to all healthy", _nexus(root, "up", "--free-ports"), 30.0, "s"
    used = _used_by_commands() - before + sum(map(_used, _processes(root)))
    yield "the same in processor time, whatever else goes on", used, 60.0, "s"
    _nexus(root, "down")
    yield "databases connected, warm", _nexus(root, "up", "--free-ports", *DATABASES), 5.0, "s"
    _nexus(root, "down")
    yield "payment alone, warm", _nexus(root, "up", "--free-ports", "payment"), 8.0, "s"


def _nexus(cwd: Path, *arguments: str, engine: str = "process") -> float:
    """The seconds that a whole command took."""
    began = time.perf_counter()
    env = {**os.environ, "NEXUS_ENGINE": engine}  # whatever else this machine offers
    done = subprocess.run([NEXUS, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"nexus {' '.join(arguments)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return time.perf_counter() - began


def _units(root: Path) -> list[dict[str, str]]:
    found = _json(root, "status")
    units = found["units"] if isinstance(found, dict) else found
    return [unit for unit in units if unit["kind"] != "job"]


def _json(root: Path, *arguments: str) -> Any:
    return json.loads(_said(root, NEXUS, *arguments, "--output", "json"))


def _said(root: Path, *command: str) -> str:
    """What a command prints, on whichever engine the platform runs."""
    env = {name: value for name, value in os.environ.items() if name != "NEXUS_ENGINE"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True).stdout


def _own(root: Path) -> str:
    """The label of all on the engine that is the workspace's."""
    kept = json.loads((root / ".nexus" / "development" / "engine.json").read_text(encoding="utf-8"))
    return f"label=dev.nexus.project={kept['project']}"


def _left(own: str) -> list[str]:
    """The containers, volumes, networks and images with a label."""
    lists = (("ps", "-a"), ("volume", "ls"), ("network", "ls"), ("images",))
    return [line for verb in lists for line in _said(Path(), "docker", *verb, "-q", "--filter", own).split()]


def _memory(root: Path) -> float:
    """Megabytes of all containers, as the engine counts them: without the files that it holds in memory."""
    running = _said(root, "docker", "ps", "-q", "--filter", _own(root)).split()
    told = _said(root, "docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *running)
    return sum(_megabytes(line.partition(" / ")[0]) for line in told.splitlines())


def _megabytes(said: str) -> float:
    number = said.rstrip("GKMiB")
    return float(number) * _UNITS[said[len(number) :]] / 1e6


def _unserved(root: Path) -> Row:
    """How many lists of all services do not come with 200 through the gateway, with a development token."""
    gateway = next(unit["url"] for unit in _units(root) if unit["name"] == "gateway")
    token = _said(root, NEXUS, "token").strip()
    asked = [one for one in operations(load(root)) if one.does == "list"]
    failed = []
    for one in asked:
        connection = http.client.HTTPConnection(gateway.removeprefix("http://"), timeout=10)
        connection.request("GET", one.path, headers={"Authorization": f"Bearer {token}", **one.headers})
        status = connection.getresponse().status
        connection.close()
        if status != http.HTTPStatus.OK:
            failed.append(f"{one.path}: {status}")
    print(*failed, sep="\n", end="", file=sys.stderr)
    services = len({one.service for one in asked})
    return f"not served of {len(asked)} lists of {services} services", float(len(failed)), 0.0, ""


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
