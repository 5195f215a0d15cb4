"""Small real platforms that the command line runs: services of a few lines beside real servers."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import NEXUS, Run

SERVER = """\
import http.server, os, signal, sys, threading
{before}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = {ready}
        self.send_response(200 if ready else 503)
        self.send_header("x-replica", os.environ["PORT"] + "@" + os.uname().nodename)
        self.end_headers()
        self.wfile.write(b"fine" if ready else b"still warming up")
    def log_message(self, *args):
        pass
print("listening", flush=True)
server = http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""

DOCKERFILE = """\
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
WORKDIR /app
COPY server.py ./
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One test at a time, whatever worker it runs on: they take the catalogue's own ports."""
    with (tmp_path_factory.getbasetemp().parent / "ports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def tiny(workspace: Path) -> Iterator[Callable[..., None]]:
    """Adds a service of a few lines; whatever runs at the end of the test is taken down."""

    def add(name: str, *, before: str = "", ready: str = "True", **blueprint: Any) -> None:
        folder = workspace / "services" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server.py").write_text(SERVER.format(before=before, ready=ready), encoding="utf-8")
        (folder / "requirements.lock").write_text("", encoding="utf-8")
        (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
        data = {
            "nexus": "v1",
            "kind": "service",
            "name": name,
            "port": free_port(),
            "run": {"serve": ["python", "server.py"]},
            **blueprint,
        }
        path = workspace / "blueprints" / f"{name}.yaml"
        path.write_text(json.dumps(data), encoding="utf-8")

    yield add
    subprocess.run([*NEXUS, "down", "--volumes"], cwd=workspace, capture_output=True, check=False, timeout=60)


@pytest.fixture
def shop(workspace: Path, tiny: Callable[..., None]) -> Path:
    """Valkey, and two services of which the second needs the first."""
    (workspace / "nexus.yaml").write_text(
        'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:redis"]\n'
    )
    tiny("catalog", uses=["redis"])
    tiny("order", uses=["catalog", "redis"])
    return workspace


def events(text: str) -> list[dict[str, Any]]:
    """The events of `-o json`."""
    return [json.loads(line) for line in text.splitlines()]


def states(nexus: Run, **env: str) -> dict[str, str]:
    """Each unit's health as `status` says."""
    return {unit["name"]: unit["health"] for unit in json.loads(nexus("status", "-o", "json", **env).stdout)}


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that was started for the units, or as the supervisor, of a workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = "NEXUS_UNIT" in process.environ() and str(folder) in process.cwd()
            keeper = "nexus_cli.engine.supervisor" in process.cmdline() and any(
                str(folder) in word for word in process.cmdline()
            )
        except psutil.Error:
            continue
        if marked or keeper:
            found.append(process)
    return found


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What the condition gives once it is true; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)
    return value


def killed_after_every_event(
    root: Path, command: Sequence[str], *, before: Sequence[str] = ()
) -> Iterator[None]:
    """Run the command again and again, each time killed one event later, until it gets to its end."""
    ended = False
    for number in itertools.count(1):
        victim = spawn(root, *command, "-o", "json", before=before)
        assert victim.stdout is not None
        for _ in range(number):
            ended = not victim.stdout.readline()
        victim.kill()
        victim.communicate()
        yield
        if ended:
            assert number > 5
            return


def spawn(root: Path, *arguments: str, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """The real command line, running beside the test."""
    return subprocess.Popen(
        [*before, sys.executable, "-u", "-m", "nexus_cli", *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
