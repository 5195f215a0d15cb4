"""Releases that take each other's place under load, on processes and in containers: no request is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NEXUS, Run, running
from tests.e2e.conftest import DOCKERFILE, events, free_port, spawn, until
from tests.support.load import Load, under_load

SERVER = """\
import http.server, os, random, signal, sys, threading, time
VERSION, FAILING, DELAY, DIES, READY = {version!r}, {failing}, {delay}, {dies}, {ready}
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
        body = VERSION.encode()
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
PLATFORM = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'
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
        faults = {"failing": 0, "delay": 0.0, "dies": 0, "ready": True, **how}
        for name in services:
            folder = self.root / "services" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "server.py").write_text(SERVER.format(version=version, **faults))
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

    def state(self) -> dict[str, str]:
        """Each unit's health."""
        said = self.nexus("status", "--env", "production", "-o", "json").stdout
        return {unit["name"]: unit["health"] for unit in json.loads(said)}


@pytest.fixture
def shop(tmp_path: Path, on: str) -> Iterator[Shop]:
    root = tmp_path / "shop"
    (root / "blueprints").mkdir(parents=True)
    (root / "nexus.yaml").write_text(PLATFORM)
    (root / ".gitignore").write_text(".nexus/\n")
    port = free_port()
    target = {"process": True} if on == "process" else {"docker": "unix:///var/run/docker.sock"}
    environment = {
        "nexus": "v1",
        "kind": "environment",
        "name": "production",
        "target": target,
        "ports": {"gateway": {"http": port}},
    }
    (root / "blueprints" / "production.yaml").write_text(json.dumps(environment))
    shop = Shop(root, running(root), on, port)
    for name in ("catalog", "order"):
        shop.describe(name)
    shop.git("init", "--quiet")
    shop.write("v1")
    yield shop
    subprocess.run(
        [*NEXUS, "down", "--env", "production", "--volumes"], cwd=root, capture_output=True, check=False
    )


def settled(load: Load) -> None:
    """Until a request of each kind has been answered since now."""
    now, kinds = time.monotonic(), 6
    until(lambda: len({a.what for a in list(load.answers) if a.sent >= now}) == kinds)


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
def test_no_request_is_lost(shop: Shop, strategy: str) -> None:
    shop.describe("order", scale={"replicas": 2}, deploy=CALLED)
    shop.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    shop.git("tag", "--force", "v1")
    shop.ok("deploy", "production")
    shop.write("v2")
    with under_load(shop.port) as load:
        settled(load)
        said = shop.ok("deploy", "production", "--strategy", strategy)
        after = time.monotonic()
        settled(load)
        assert load.failures() == []
        assert load.said(after) == {"v2"}
        back = time.monotonic()
        shop.ok("rollback", "production")
        after = time.monotonic()
        settled(load)
    assert load.failures() == []
    assert load.said(after) == {"v1"}
    assert load.said(back) == {"v1", "v2"}
    assert "v1 0 %, v2 100 %" in said
    assert shop.state().keys() >= {"gateway"}
    assert set(shop.state().values()) == {"ready"}


def test_the_load_would_notice(shop: Shop) -> None:
    shop.ok("deploy", "production")
    with under_load(shop.port) as load:
        settled(load)
        calm = len(load.answers)
        assert load.failures() == []
        shop.ok("restart", "order", "--env", "production")
        settled(load)
    assert calm > 20
    assert load.failures() != []


def test_recreate_never_runs_two_at_once(shop: Shop) -> None:
    shop.ok("deploy", "production")
    shop.write("v2")
    planned = shop.ok("deploy", "production", "--strategy", "recreate", "--dry-run").splitlines()
    order = [line.split("(")[0].split() for line in planned if "order" in line]
    assert [line[1:3] for line in order if line[1] in {"stop", "start", "shift"}] == [
        ["shift", "order"],
        ["stop", "order.r1"],
        ["start", "order.r2"],
        ["shift", "order"],
    ]
    shop.ok("deploy", "production", "--strategy", "recreate")
    assert set(shop.state()) == {"gateway", "catalog.r2", "order.r2"}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"ready": False}, "not ready within 5 s"),
        ({"failing": 20}, "fails too often"),
        ({"delay": 0.3}, "is too slow"),
        ({"dies": 3}, "has ended"),
    ],
    ids=["never healthy", "fails", "slow", "crashes"],
)
def test_a_bad_release_is_taken_back(shop: Shop, fault: dict[str, Any], says: str) -> None:
    shop.describe("order", deploy={**CALLED, "strategy": "canary", "steps": [20, 100], "hold": "4s"})
    shop.write("v0", delay=0.02)
    shop.ok("deploy", "production")
    shop.write("v2", services=("order",), **{"delay": 0.02, **fault})
    with under_load(shop.port) as load:
        settled(load)
        done = shop.nexus("deploy", "production")
        after = time.monotonic()
        settled(load)
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in done.stderr
    assert "rolled-back: " in done.stderr
    assert load.said(after) == {"v0"}
    assert load.failures(after) == []
    share = len(load.failures()) / len(load.answers)
    assert share <= 0.2, share
    assert set(shop.state()) == {"gateway", "catalog.r1", "order.r1"}


def test_several_services_change_as_one(shop: Shop) -> None:
    shop.ok("deploy", "production")
    shop.write("v2", services=("catalog",))
    shop.write("v3", services=("order",), ready=False)
    with under_load(shop.port, "/catalog") as load:
        settled(load)
        done = shop.nexus("deploy", "production", "--strategy", "blue-green")
        assert done.returncode == 1
        settled(load)
    assert load.failures() == []
    assert set(shop.state()) == {"gateway", "catalog.r1", "order.r1"}
    shop.ok("deploy", "production", "--service", "catalog")  # what the other one lacks does not matter now
    assert {"catalog.r2", "order.r1"} <= set(shop.state())


def test_a_canary_that_nobody_calls_waits_for_a_person(shop: Shop) -> None:
    slow = {**CALLED, "strategy": "canary", "steps": [25, 100], "hold": "500ms"}
    shop.describe("catalog", deploy=slow)
    shop.describe("order", deploy={**DEPLOY, "hold": "200ms"})
    shop.write("v0")
    shop.ok("deploy", "production")
    shop.write("v2", services=("catalog",))
    done = shop.nexus("deploy", "production")
    assert done.returncode == 1
    assert "paused: too few requests" in done.stderr
    assert {"catalog.r1", "catalog.r2"} <= set(shop.state())
    with under_load(shop.port, "/catalog") as load:
        shop.ok("deploy", "production", "--resume")
        after = time.monotonic()
        settled(load)
    assert (load.failures(), load.said(after)) == ([], {"v2"})


@pytest.mark.parametrize("strategy", ["blue-green", "canary", "rolling"])
def test_killed_after_every_event(shop: Shop, strategy: str) -> None:
    if shop.engine == "docker" and strategy != "rolling":
        strategy = "rolling"
    for name in ("catalog", "order"):
        quick = {
            **DEPLOY,
            "strategy": strategy,
            "hold": "100ms",
            "steps": [50, 100],
            "verdict": {"requests": 0},
        }
        shop.describe(name, deploy=quick)
    shop.write("v0")
    shop.ok("deploy", "production")
    number, ended = 1, False
    with under_load(shop.port) as load:
        while not ended:
            shop.write(f"w{number}")
            victim = spawn(shop.root, "deploy", "production", "-o", "json")
            assert victim.stdout is not None
            for _ in range(number):
                ended = not victim.stdout.readline()
            victim.send_signal(signal.SIGKILL)
            victim.communicate()
            if (
                number % 3 == 0
                and not ended
                and "production was broken off" in shop.nexus("deploy", "production", "--resume").stderr
            ):
                pass
            elif number % 3 == 1:
                shop.nexus("rollback", "production")
            shop.ok("deploy", "production")
            number += 7 if shop.engine == "docker" else 3
        settled(load)
        after = time.monotonic()
        settled(load)
    assert load.failures() == []
    assert len(load.said(after)) == 1
    assert set(shop.state().values()) == {"ready"}


def test_two_at_once(shop: Shop) -> None:
    shop.ok("deploy", "production")
    for name in ("catalog", "order"):
        shop.describe(name, deploy={**DEPLOY, "hold": "3s"})
    shop.write("v2")
    first = spawn(shop.root, "deploy", "production")
    until(lambda: (shop.root / ".nexus" / "artifacts" / "order").exists() and _locked(shop))
    second = shop.nexus("deploy", "production", "--version", "v1")
    assert second.returncode == 1
    assert f"(pid {first.pid}" in second.stderr
    assert "`nexus deploy production`" in second.stderr
    third = shop.nexus("deploy", "production", "--wait", "60")
    assert third.returncode == 0
    assert "v2 serves already" in third.stderr
    first.communicate(timeout=10)
    assert first.returncode == 0


def _locked(shop: Shop) -> bool:
    import sqlite3

    with sqlite3.connect(shop.root / ".nexus" / "ledger.db") as ledger:
        return any(holder for (holder,) in ledger.execute("select holder from nexus_locks"))


def test_interrupted(shop: Shop) -> None:
    shop.ok("deploy", "production")
    for name in ("catalog", "order"):
        shop.describe(name, deploy={**DEPLOY, "hold": "30s"})
    shop.write("v2")
    with under_load(shop.port) as load:
        deploy = spawn(shop.root, "deploy", "production", "--strategy", "blue-green", "-o", "json")
        assert deploy.stdout is not None
        for line in deploy.stdout:
            if any("watch" in str(event) for event in events(line)):
                break
        deploy.send_signal(signal.SIGINT)
        deploy.communicate()
        after = time.monotonic()
        settled(load)
    assert deploy.returncode == 130
    assert (load.failures(), load.said(after)) == ([], {"v1"})
    assert set(shop.state()) == {"gateway", "catalog.r1", "order.r1"}
