"""What was imported and what was generated really runs: with nexus, and with Docker Compose."""

from __future__ import annotations

import contextlib
import json
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nexus_cli.engine.docker.client import NotFound, connect, translated
from tests.conftest import Run
from tests.e2e.conftest import free_port
from tests.interchange.conftest import Folder, compose, understood

SERVER = """\
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = " ".join([os.environ["GREETING"], os.environ["TOKEN"], pathlib.Path("/data/made").read_text(),
                         pathlib.Path("/etc/motd").read_text(), os.environ["BUILT"]])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *args):
        pass
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""
PROJECT = """\
services:
  web_app:
    build: {{context: web, args: {{BUILT: "built $${{X}}"}}}}
    command: python /server.py
    environment: ["GREETING=${{GREETING:-hello}}", TOKEN, "PRICE=5$$"]
    ports: ["{port}:8000"]
    volumes: [made:/data:ro, ./motd:/etc/motd:ro]
    depends_on:
      make: {{condition: service_completed_successfully}}
      store: {{condition: service_healthy}}
    healthcheck:
      test: python -c "import urllib.request as r; r.urlopen('http://localhost:8000')"
      interval: 1s
      retries: 30
    read_only: true
    tmpfs: ["/tmp:size=1m"]
    cap_drop: [ALL]
    init: true
    deploy: {{resources: {{limits: {{cpus: "0.5", memory: 128m}}}}}}
  make:
    image: python:3.13-slim
    command: ["python", "-c", "open('/data/made', 'w').write('made')"]
    volumes: [made:/data]
  store:
    image: valkey/valkey:9.1
    command: valkey-server --requirepass ${{TOKEN}}
    healthcheck: {{test: 'test -n "$$TOKEN" && grep -q :18EB /proc/net/tcp', interval: 1s}}
    environment: {{TOKEN: }}
    networks: {{default: {{aliases: [cache.local]}}}}
  peer:
    image: python:3.13-slim
    profiles: [extra]
    restart: "no"
    depends_on: [web_app]
    command: [python, -c, "import urllib.request as r; print(r.urlopen('http://web_app:8000').read().decode())"]
volumes: {{made: }}
"""
EXPECTED = "hello t0k3n-of-the-test made of the day built ${X}"


@pytest.fixture
def project(folder: Folder, docker_engine: str) -> tuple[Path, int]:
    """A project with a build, health checks, a one-shot, a shared volume, secrets and a profile."""
    port = free_port()
    dockerfile = "FROM python:3.13-slim\nARG BUILT\nENV BUILT=$BUILT\nCOPY server.py /server.py\n"
    root = folder(
        {
            "compose.yaml": PROJECT.format(port=port),
            ".env": "TOKEN=t0k3n-of-the-test\n",
            "motd": "of the day",
            "web/Dockerfile": dockerfile,
            "web/server.py": SERVER,
        },
        f"app-{secrets.token_hex(3)}",
    )
    return root, port


def answer(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
        return reply.read().decode()


@pytest.fixture
def up(run: Run) -> Iterator[Callable[[Path], dict[str, Any]]]:
    """Brings a workspace up in containers; takes all down afterwards."""
    begun: list[Path] = []

    def bring_up(root: Path) -> dict[str, Any]:
        begun.append(root)
        done = run("up", "--engine", "docker", cwd=root)
        assert done.returncode == 0, done.stdout + done.stderr
        listed = run("status", "-o", "json", cwd=root)
        assert listed.returncode == 0, listed.stderr
        states = json.loads(listed.stdout)
        return {unit["name"]: unit["health"] for unit in states}

    yield bring_up
    for root in begun:
        done = run("down", "--volumes", cwd=root)
        assert done.returncode == 0, done.stderr


def test_an_imported_project_runs(project: tuple[Path, int], run: Run, up: Callable[[Path], Any]) -> None:
    root, port = project
    imported = run("import", "compose", "--profile", "extra", cwd=root)
    assert imported.returncode == 0, imported.stderr
    health = up(root)
    assert health["web-app"] == health["store"] == "ready"
    assert answer(port) == EXPECTED
    assert EXPECTED in run("logs", "peer", cwd=root).stdout
    again = run("up", "--engine", "docker", cwd=root)
    assert "nothing to do" in again.stderr
    inspected = connect().api.inspect_container(
        next(
            unit["container"]
            for unit in json.loads(run("status", "-o", "json", cwd=root).stdout)
            if unit["name"] == "web-app"
        )
    )
    host = inspected["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Init"]) == (True, ["ALL"], True)
    assert (host["NanoCpus"], host["Memory"]) == (500_000_000, 128 << 20)
    assert host["Tmpfs"] == {"/tmp": "size=1m"}


def test_there_and_back_again(
    project: tuple[Path, int], folder: Folder, run: Run, up: Callable[[Path], Any]
) -> None:
    """Imported, generated from that, and brought up by Docker Compose; then imported again and by nexus."""
    root, port = project
    assert run("import", "compose", cwd=root).returncode == 0
    (root / "compose.yaml").rename(root / "original.yaml")
    (root / ".env").unlink()
    generated = run("generate", "compose", cwd=root)
    assert generated.returncode == 0, generated.stderr
    name = f"nexus-test-{secrets.token_hex(3)}"
    try:
        brought = compose(root, "-p", name, "up", "-d", "--wait", timeout=280)
        assert brought.returncode == 0, brought.stderr
        assert answer(port) == EXPECTED
        listed = compose(root, "-p", name, "ps", "-a", "--format", "json").stdout.splitlines()
        states = {entry["Service"]: entry for entry in map(json.loads, listed)}
        assert states["web-app"]["Health"] == states["store"]["Health"] == "healthy"
        assert (states["make"]["State"], states["make"]["ExitCode"]) == ("exited", 0)
    finally:
        compose(root, "-p", name, "down", "--volumes", "--timeout", "1")
        with contextlib.suppress(NotFound), translated():  # `--rmi local` leaves it on older engines
            connect().images.remove(f"{name}-web-app")
    other = folder(
        {
            p: (root / p).read_text()
            for p in ("compose.yaml", ".env", "motd", "web/Dockerfile", "web/server.py")
        },
        f"again-{secrets.token_hex(3)}",
    )
    assert run("import", "compose", cwd=other).returncode == 0
    for unit in ("web-app", "make", "store"):
        first, second = (
            yaml.safe_load((place / f"blueprints/components/{unit}.yaml").read_text())
            for place in (root, other)
        )
        first.get("health", {}).pop("start", None)
        second.get("health", {}).pop("start", None)
        assert second.get("env") == first.get("env")
        assert second.get("uses") == first.get("uses")
        assert second.get("health") == first.get("health")
    assert up(other)["web-app"] == "ready"
    assert answer(port) == EXPECTED


def test_replicas_and_profiles_of_a_platform(folder: Folder, run: Run) -> None:
    """Each replica is a service, of which the first has the port; what is needed has no profile."""
    described = {
        "order": "scale: {replicas: 2}\nuses: [store]\n",
        "debugger": "profiles: [debug]\nuses: [order, probe]\n",
    }
    written = {
        f"blueprints/{name}.yaml": f"nexus: v1\nkind: service\nname: {name}\nport: {8100 + at}\n{more}"
        for at, (name, more) in enumerate(described.items())
    }
    for name in ("store", "probe"):
        text = f"nexus: v1\nkind: component\nname: {name}\nimage: valkey/valkey:9.1\nprofiles: [debug]\n"
        written[f"blueprints/{name}.yaml"] = text
    dockerfiles = {f"services/{name}/Dockerfile": "FROM scratch\n" for name in described}
    root = folder({"nexus.yaml": "nexus: v1\nkind: platform\nname: shop\n", **written, **dockerfiles})
    done = run("generate", "compose", cwd=root)
    assert done.returncode == 0, done.stderr
    services = understood(root, "--profile", "*")["services"]
    assert services.keys() == {"order", "order-2", "debugger", "store", "probe"}
    assert {name for name, service in services.items() if "profiles" in service} == {"debugger", "probe"}
    assert {name for name, service in services.items() if "ports" in service} == {"order", "debugger"}
