"""A small platform under git whose releases are deployed: two services behind a gateway."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Run, running
from tests.e2e.conftest import DOCKERFILE, free_port, spawn, until
from tests.support.load import Load

SERVER = """\
import http.server, os, random, signal, sys, threading, time
VERSION, FAILING, DELAY, DIES, READY, API = {version!r}, {failing}, {delay}, {dies}, {ready}, {api!r}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = not self.path.startswith("/health")
        if asked:
            time.sleep(2 if "slow" in self.path else DELAY)
        status = 200 if READY or asked else 503
        if asked and random.random() * 100 < FAILING:
            status = 500
        body = (API if self.path == "/api/openapi.json" else VERSION).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128
server = Server((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
if DIES:
    threading.Timer(DIES, lambda: (print("out of ideas", flush=True), os._exit(3))).start()
server.serve_forever()
server.server_close()
"""
PLATFORM = 'nexus: v1\nkind: platform\nname: shop-{}\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'
DEPLOY = {"hold": "1s", "drain": "5s", "verdict": {"requests": 0}}
CALLED = {**DEPLOY, "verdict": {"requests": 10}}  # that the load asks it is sure


@dataclass
class Shop:
    """A workspace under git whose releases are deployed to `production`."""

    root: Path
    nexus: Run
    engine: str
    port: int

    def ok(self, *arguments: str) -> str:
        done = self.nexus(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def write(self, version: str, *, services: tuple[str, ...] = ("catalog", "order"), **how: Any) -> None:
        """Give services a new version, and commit and tag it."""
        faults = {"failing": 0, "delay": 0.0, "dies": 0, "ready": True, "api": "", **how}
        for name in services:
            folder = self.root / "services" / name
            folder.mkdir(parents=True, exist_ok=True)
            server = SERVER.format(version=version, **faults)
            (folder / "server.py").write_text(f"{server}# of {self.port}: no other shop has the same image\n")
            (folder / "requirements.lock").write_text("")
            (folder / "Dockerfile").write_text(DOCKERFILE)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", version)
        self.git("tag", version)

    def git(self, *arguments: str) -> None:
        name = ["-c", "user.name=Ann", "-c", "user.email=ann@shop.example"]
        subprocess.run(["git", *name, *arguments], cwd=self.root, check=True, capture_output=True)

    def describe(self, name: str, **more: Any) -> None:
        """Write a service's blueprint."""
        data = {
            "nexus": "v1",
            "kind": "service",
            "name": name,
            "port": {"catalog": 8102, "order": 8101}[name],
            "uses": ["catalog"] if name == "order" else [],
            "routes": [{"path": f"/{name}", "auth": "none"}],
            "run": {"serve": ["python", "server.py"]},
            "health": {"start": "5s"},
            "deploy": DEPLOY,
            **more,
        }
        (self.root / "blueprints" / f"{name}.yaml").write_text(json.dumps(data))

    def place(self, name: str, **more: Any) -> None:
        """Write an environment's blueprint."""
        data = {"nexus": "v1", "kind": "environment", **more, "name": name}
        (self.root / "blueprints" / f"{name}.yaml").write_text(json.dumps(data))

    def images(self, environment: str = "production") -> dict[str, str]:
        """The image of each service's serving side, as the ledger knows it."""
        query = "select body from nexus_entries where kind = 'live' and environment = ? order by number desc"
        with contextlib.closing(sqlite3.connect(self.root / ".nexus" / "ledger.db")) as ledger:
            (body,) = ledger.execute(query, [environment]).fetchone()
        return {name: sides[-1]["image"] for name, sides in json.loads(body)["live"]["sides"].items()}

    def state(self, environment: str = "production") -> dict[str, str]:
        """Each unit's health."""
        said = self.nexus("status", "--env", environment, "-o", "json").stdout
        return {unit["name"]: unit["health"] for unit in json.loads(said)}


def opened(
    root: Path,
    engine: str,
    port: int,
    *,
    address: str = "unix:///var/run/docker.sock",
    before: Sequence[str] = (),
) -> Shop:
    """A shop with its first release `v1`, whose gateway will listen on the port.

    `address` is that of the Docker engine, `before` stands before every command.
    """
    (root / "blueprints").mkdir(parents=True)
    (root / "nexus.yaml").write_text(PLATFORM.format(port))  # of its own on an engine that others use
    (root / ".gitignore").write_text(".nexus/\n")
    shop = Shop(root, running(root, before), engine, port)
    target = {"process": True} if engine == "process" else {"docker": address}
    shop.place("production", target=target, ports={"gateway": {"http": port, "admin": free_port()}})
    for name in ("catalog", "order"):
        shop.describe(name)
    shop.git("init", "--quiet")
    shop.write("v1")
    return shop


def killed(shop: Shop, number: int) -> bool:
    """Deploy until so many events have been told, then kill; whether it had ended by itself before."""
    victim = spawn(shop.root, "deploy", "production", "-o", "json")
    assert victim.stdout is not None
    ended = False
    for _ in range(number):
        ended = not victim.stdout.readline()
    if not ended:
        victim.kill()
    _, said = victim.communicate(timeout=60)
    assert not ended or victim.returncode == 0, said
    return ended


def settled(load: Load) -> None:
    """Until a request of each kind has been answered since now."""
    now, kinds = time.monotonic(), 6
    until(lambda: len({a.what for a in list(load.answers) if a.sent >= now}) == kinds)
