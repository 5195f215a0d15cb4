"""`nexus test` finds a route that is too slow and a service that does not recover, and nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import nexus_cli.testing
from tests.conftest import Run, skip_for
from tests.e2e.conftest import free_port, processes_of, spawn, states, until

SERVER = """\
import contextlib, http.server, json, os, signal, socket, threading, time, urllib.parse
with contextlib.suppress(OSError), open("clocks", "a") as clocks:  # in a container nothing can be written
    clocks.write(f"{{time.time()}}\\n")
GIVES_UP = {gives_up}
redis = urllib.parse.urlsplit(os.environ["REDIS_URL"])
lock, kept, rows = threading.Lock(), [], {{}}
def connected():
    peer = socket.create_connection((redis.hostname, redis.port), 1)
    peer.sendall(f"AUTH {{redis.password}}\\r\\n".encode())
    assert peer.recv(99) == b"+OK\\r\\n"
    kept[:] = [peer]
def ping():
    with lock:
        for last in (GIVES_UP, True):
            try:
                kept[0].sendall(b"PING\\r\\n")
                if kept[0].recv(99):
                    return True
            except OSError:
                pass
            if last:
                if GIVES_UP:
                    open("gave-up", "w").close()
                return False
            try:
                connected()
            except (OSError, AssertionError):
                return False
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, said = 200, {{}}
        if not ping():
            status = 503
        elif self.command == "POST":
            status, said = 201, {{"id": str(len(rows))}}
            rows[said["id"]] = json.loads(body)
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    do_GET = do_POST = answer
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
connected()
server = Server((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
PLATFORM = """\
nexus: v1
kind: platform
name: shop
include: [blueprints/**/*.yaml, "catalogue:gateway"]
"""
LOCKS = Path(nexus_cli.testing.__file__).parent / "locks"
CATALOGUE = Path(__file__).parents[2] / "blueprints" / "components"
DATABASE = "DATABASE_URL: redis://${host}:${ports.redis}/1"
ITEM = {
    "item": {"fields": {"name": "string unique", "price": "money"}, "operations": ["list", "get", "create"]}
}


@pytest.fixture
def shop(workspace: Path, tiny: Callable[..., None]) -> Path:
    """One service that keeps items behind the gateway, and asks Valkey for each request."""
    (workspace / "nexus.yaml").write_text(PLATFORM)
    redis = (CATALOGUE / "redis.yaml").read_text()  # it keeps the rows, for all that others can tell
    (workspace / "blueprints" / "redis.yaml").write_text(
        redis.replace("provides:", f"provides:\n  {DATABASE}")
    )
    tiny(
        "order",
        uses=["redis"],
        port=free_port(),
        routes=[{"path": "/api/v1/items", "auth": "none"}],
        resources=ITEM,
        slo={"p95": "2s", "availability": 99},
    )
    (workspace / "tests" / "chaos").mkdir(parents=True)
    _become(workspace)
    return workspace


def _become(shop: Path, *, gives_up: str = "False") -> None:
    """Have the service as it should be, or as one that is lost with its first connection: when, in Python."""
    (shop / "services" / "order" / "server.py").write_text(SERVER.format(gives_up=gives_up))


def _experiment(shop: Path, name: str, **how: object) -> None:
    """Write one; its deadline is for a slow machine, unless it is what shall be missed."""
    data = {"nexus": "v1", "kind": "experiment", "name": name, "recover": "60s", **how}
    (shop / "tests" / "chaos" / f"{name}.yaml").write_text(json.dumps(data))


def _tested(nexus: Run, kind: str, *more: str, code: int) -> dict[str, dict[str, object]]:
    done = nexus("test", "--type", kind, "--json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    return {case["name"]: case for case in json.loads(done.stdout)["cases"]}


SHELF = """\
import http.server, json, os, pathlib, signal, threading, urllib.parse
import pg8000.native
at = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
user, password = map(urllib.parse.unquote, (at.username, at.password))
database = pg8000.native.Connection(user, at.hostname, at.path[1:], at.port, password)
lock = threading.Lock()
QUERY = "SELECT name FROM books WHERE owner = :owner"
for statement in pathlib.Path("schema.sql").read_text().split(";"):
    database.run(statement)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        owner = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("owner")
        with lock:
            rows = database.run(QUERY, owner=owner[0]) if owner else []
        data = json.dumps({"items": rows}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
server = Server((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
ROWS = """\
CREATE UNLOGGED TABLE books AS
SELECT 'book ' || n AS name, 'owner-' || n % 200000 AS owner FROM generate_series(1, 600000) AS n;
ANALYZE books"""
INDEX = "CREATE INDEX ix_books_owner ON books (owner)"
LIST, FILTERED = "list('/api/v1/books')", "list('/api/v1/books', `owner=owner-${number()}`)"


@pytest.fixture
def shelf(workspace: Path, tiny: Callable[..., None]) -> Path:
    """One service with enough rows in PostgreSQL, whose lists are filtered by a field."""
    (workspace / "nexus.yaml").write_text(PLATFORM.replace("[", '["catalogue:postgres", '))
    tiny(
        "shelf",
        uses=["postgres"],
        routes=[{"path": "/api/v1/books", "auth": "none"}],
        resources={"book": {"fields": {"name": "string", "owner": "string"}, "operations": ["list"]}},
        slo={"p95": "400ms", "availability": 99},
    )
    folder = workspace / "services" / "shelf"
    shutil.copy(LOCKS / "platform.lock", folder / "requirements.lock")
    (folder / "server.py").write_text(SHELF)
    (folder / "schema.sql").write_text(f"{ROWS};\n{INDEX};\n")
    return workspace


def test_a_missing_index_is_found_and_a_persons_script_is_kept(shelf: Path, nexus: Run) -> None:
    load = ("--duration", "3s", "--rate", "60")
    script = shelf / "tests" / "performance" / "shelf.js"
    cases = _tested(nexus, "performance", *load, code=0)
    assert {name: case["status"] for name, case in cases.items()} == {"load: GET /api/v1/books": "passed"}
    own = script.read_text().replace(LIST, FILTERED).replace("import { list,", "import { list, number,")
    script.write_text(own.replace("'GET /api/v1/books'", "'GET /api/v1/books?owner'"))

    asked = "load: GET /api/v1/books?owner"
    cases = _tested(nexus, "performance", *load, code=0)
    assert {name: case["status"] for name, case in cases.items()} == {asked: "passed"}

    schema = shelf / "services" / "shelf" / "schema.sql"
    schema.write_text(schema.read_text().replace(f"{INDEX};\n", ""))
    (case,) = _tested(nexus, "performance", *load, code=1).values()
    assert (case["name"], case["status"]) == (asked, "failed")
    assert "too slow: p95" in str(case["message"])
    assert FILTERED in script.read_text()
    (report,) = [*shelf.glob(".nexus/tests/runs/*/performance/load.html")][-1:]
    assert report.read_text().count("<polyline") == 2
    assert processes_of(shelf) == []


def test_without_k6_nothing_passes_quietly(shop: Path, nexus: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = "import shutil; shutil.which = lambda *_, **__: None"
    (shop / "sitecustomize.py").write_text(hidden)
    monkeypatch.setenv("PYTHONPATH", str(shop))
    (case,) = _tested(nexus, "performance", code=5).values()
    assert (case["status"], case["message"]) == ("not run", "k6 is not installed")


def test_what_does_not_come_back_is_found(shop: Path, nexus: Run, on: str) -> None:
    skip_for("" if shutil.which("faketime") else "faketime is not installed")
    _experiment(shop, "a-stop", action="stop", each="components", **{"for": "1s"})
    _experiment(shop, "b-kill", action="kill", target="order", **{"for": "500ms"})
    _experiment(shop, "c-cut", action="partition", target="redis", **{"for": "1s"})
    _experiment(shop, "d-disk", action="disk", target="redis", size="32Mi", **{"for": "500ms"})
    _experiment(shop, "e-cpu", action="cpu", cores=1, **{"for": "500ms"})
    _experiment(shop, "f-memory", action="memory", size="64Mi", **{"for": "500ms"})
    _experiment(shop, "g-clock", action="clock", target="order", by="2h", **{"for": "500ms"})
    began = time.time()
    cases = _tested(nexus, "chaos", code=0)
    lacking = {"d-disk"} if on == "process" else {"g-clock"}
    assert {name: case["status"] for name, case in cases.items()} == {
        name: "not run" if name in lacking else "passed"
        for name in ("a-stop (redis)", "b-kill", "c-cut", "d-disk", "e-cpu", "f-memory", "g-clock")
    }
    if on == "process":
        clocks = [clock - began for clock in _clocks(shop)]
        assert any(7200 <= ahead < 7200 + 300 for ahead in clocks)  # it was put forward
        assert clocks[-1] < 300  # and put back
    stopped = cases["a-stop (redis)"]["figures"]
    assert isinstance(stopped, dict)
    assert stopped["good meanwhile (%)"] < 50
    if on == "docker":
        return
    for name in ("b-kill", "c-cut", "d-disk", "e-cpu", "f-memory", "g-clock"):
        (shop / "tests" / "chaos" / f"{name}.yaml").unlink()
    _experiment(shop, "a-stop", action="stop", each="components", recover="6s", **{"for": "1s"})
    _become(shop, gives_up="True")
    (case,) = _tested(nexus, "chaos", code=1).values()
    assert case["status"] == "failed"
    assert "not well 6 s after stop was over" in str(case["message"])
    assert "503" in str(case["message"])
    assert str(case["file"]).endswith("a-stop.yaml")
    (shop / "services" / "order" / "gave-up").unlink()
    _become(shop, gives_up='not os.path.exists("gave-up")')
    (case,) = _tested(nexus, "chaos", "--retries", "1", code=0).values()
    assert case["status"] == "flaky"
    assert "passed at attempt 2; first: not well 6 s after stop was over" in str(case["message"])
    assert processes_of(shop) == []


def test_what_is_interrupted_is_restored(shop: Path, nexus: Run) -> None:
    skip_for("" if shutil.which("faketime") else "faketime is not installed")
    assert nexus("up", "--free-ports").returncode == 0

    def interrupted(seen: Callable[[], bool], **how: object) -> None:
        _experiment(shop, "hangs", **how, **{"for": "60s"})
        testing = spawn(shop, "test", "--type", "chaos", "--reuse")
        until(seen, 60)
        testing.send_signal(signal.SIGINT)
        said, _ = testing.communicate(timeout=60)
        assert testing.returncode == 130, said
        assert set(states(nexus).values()) <= {"ready", "done"}

    interrupted(lambda: states(nexus)["redis"] == "paused", action="pause", target="redis")

    def ahead() -> bool:
        return _clocks(shop)[-1] - time.time() > 3600

    interrupted(ahead, action="clock", target="order", by="2h")
    assert not ahead()


def _clocks(shop: Path) -> list[float]:
    """What time it was for the service whenever it began."""
    return [float(line) for line in (shop / "services/order/clocks").read_text().splitlines()]


def test_a_copy_goes_with_the_test_that_made_it(shop: Path) -> None:
    _experiment(shop, "hangs", action="pause", target="redis", **{"for": "60s"})
    testing = spawn(shop, "test", "--type", "chaos")
    until(lambda: psutil.STATUS_STOPPED in _ours(shop), 60)
    testing.send_signal(signal.SIGTERM)
    testing.communicate(timeout=30)
    assert testing.returncode == 130
    assert _ours(shop) == []
    assert [*shop.glob(".nexus/test-*")] == []


def _ours(shop: Path) -> list[str]:
    """The state of every process that works in the workspace; one that is ending works nowhere."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(shop) in process.cwd() and process.pid != os.getpid():
                found.append(process.status())
    return found
