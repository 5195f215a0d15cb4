"""Figures of the service templates: how fast they are written, start and answer."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from nexus_cli.blueprint.types import package_name
from nexus_cli.conformance.service import Service
from nexus_cli.engine import python_project
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read
from nexus_cli.unit import HOST, PythonProject

Row = tuple[str, float, float, str]
NEXUS = str(Path(sys.executable).with_name("nexus"))
COPIER = str(Path(sys.executable).with_name("copier"))
TEMPLATE = bundled("templates") / "service" / "fastapi"
REQUESTS, CONNECTIONS = 4000, 8
BARE = """\
import os, uvicorn
from fastapi import FastAPI

app = FastAPI()

@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
"""


def templates() -> Iterator[Row]:
    """Writing services, and a written service against what its framework does bare."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _writing(Path(folder))
        yield from _serving(Path(folder))


def _writing(root: Path) -> Iterator[Row]:
    shop = root / "shop"
    _run([NEXUS, "init", "shop"], root)
    _run([NEXUS, "generate", "app", "order"], shop)
    answers = yaml.safe_load((shop / "services/order/.copier-answers.yml").read_text())
    data = root / "answers.yml"
    data.write_text(yaml.safe_dump({k: v for k, v in answers.items() if not k.startswith("_")}))
    ratios = []
    for number in range(7):  # in turn, so that a machine whose speed drifts treats both alike
        ours = _run([NEXUS, "generate", "app", f"service-{number}"], shop)
        command = [COPIER, "copy", "--defaults", "--quiet", "--data-file", str(data), str(TEMPLATE)]
        ratios.append(ours / _run([*command, str(root / f"copied{number}")], root))
    yield "nexus generate app / copier copy, whole processes", statistics.median(ratios), 0.6, "x"

    def written(number: int) -> float:
        template = read(TEMPLATE, "service/fastapi")
        began = time.perf_counter()
        for n in range(number):
            for path, file in builtin.render(template, answers | {"name": f"s{n}"}, folder=f"s{n}").items():
                target = root / "fleet" / f"s{n}" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content)
        return time.perf_counter() - began

    written(1)
    pairs = [(written(9), written(36)) for _ in range(3)]
    yield "36 services in one process", statistics.median(many for _, many in pairs), 10.0, "s"
    growth = statistics.median(many / (4 * few) for few, many in pairs)
    yield "36 services / (4 x 9 services)", growth, 1.3, "x"


def _serving(root: Path) -> Iterator[Row]:
    folder = root / "bare-service"
    _written(folder, {"name": "bare"})
    project = PythonProject(folder)
    python_project.build(project, lambda _: None)
    python = str(python_project.programs(project)[0] / "python")
    (root / "hello.py").write_text(BARE)
    environment = {"PATH": os.environ["PATH"], "LOG_LEVEL": "INFO"}
    full = Service(
        [python, "-m", package_name("bare")],
        folder,
        {**environment, **python_project.variables(project)},
        root / "full.log",
    )
    starts = []
    for _ in range(5):
        starts.append(full.up())
        full.stop()
    yield "fastapi service, start to ready", statistics.median(starts), 1.5, "s"
    bare = Service([python, str(root / "hello.py")], root, environment, root / "bare.log")
    with _running(full), _running(bare):
        # What a request costs is what limits a worker; measured so, a busy machine does not spoil it.
        pairs = [(_cost(full), _cost(bare)) for _ in range(7)]
    cost = statistics.median(one for one, _ in pairs)
    yield "fastapi service, GET /health, processor time", cost * 1e6, 200.0, "us"
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    yield "fastapi service, GET /health / bare framework", ratio, 1 / 0.9, "x"


def _written(folder: Path, answers: Mapping[str, Any]) -> None:
    template = read(TEMPLATE, "service/fastapi")
    for path, file in builtin.render(template, answers, folder=folder.name).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)


@contextmanager
def _running(service: Service) -> Iterator[None]:
    service.listen()
    try:
        yield
    finally:
        service.stop()


def _cost(service: Service) -> float:
    """The processor time that a request takes, in seconds, on connections that are kept."""
    request = f"GET /health HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()
    process = psutil.Process(service.process.pid)
    connections = [socket.create_connection((HOST, service.port)) for _ in range(CONNECTIONS)]
    try:
        _rounds(connections, request, 50)
        before = process.cpu_times()
        _rounds(connections, request, REQUESTS // CONNECTIONS)
        after = process.cpu_times()
    finally:
        for connection in connections:
            connection.close()
    return (after.user + after.system - before.user - before.system) / REQUESTS


def _rounds(connections: Sequence[socket.socket], request: bytes, rounds: int) -> None:
    for _ in range(rounds):
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                answer += connection.recv(65536)


def _run(command: Sequence[str], cwd: Path) -> float:
    """The seconds that a command takes."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began
