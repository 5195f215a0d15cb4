"""The shop's two services as real processes on real servers: what they do together and on their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from rendering import Venv
from servers import Process, create, database, nats, nats_url, postgres, valkey, wait_for

from nexus_cli.conformance.requests import PARENT, TRACE
from nexus_cli.conformance.service import Service, free_port


@dataclass
class Stack:
    """Everything that runs."""

    postgres: Process
    valkey: Process
    nats: Process
    catalog: Service
    order: Service
    notification: Service
    mails: Path
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


def service(venv: Venv, source: Path, folder: Path, **environment: str) -> Service:
    package = f"{source.name}_service"
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(source / "src")}
    folder.mkdir()
    command = [str(venv.programs / "python"), "-m", package]
    return Service(command, folder, {**base, **environment}, folder / "log")


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
        NATS_URL=nats_url(broker),
    )
    order = service(
        venv,
        rendered("order"),
        root / "order",
        DATABASE_URL=database(server, "order"),
        NATS_URL=nats_url(broker),
        REDIS_URL=f"redis://127.0.0.1:{cache.port}/0",
        CATALOG_URL=f"http://127.0.0.1:{catalog.port}",
    )
    mails = root / "mails"
    sink = mail_sink(venv, mails)
    notification = service(
        venv,
        rendered("notification"),
        root / "notification",
        DATABASE_URL=database(server, "notification"),
        NATS_URL=nats_url(broker),
        REDIS_URL=f"redis://127.0.0.1:{cache.port}/0",
        SMTP_URL=f"smtp://127.0.0.1:{sink.port}",
        WEBHOOK_SECRET="what-webhooks-are-signed-with",
    )
    running = (notification, order, catalog, sink, broker, cache, server)
    try:
        for process in (server, cache, broker, sink):
            process.listen()
        for unit in (catalog, order, notification):
            create(tools, server, unit.cwd.name)
            migrate(unit)
            unit.up()
        yield Stack(server, cache, broker, catalog, order, notification, mails, venv)
    finally:
        for process in running:
            process.stop()


def mail_sink(venv: Venv, mails: Path) -> Process:
    """A mail server that keeps what it takes in a folder."""
    port = free_port()
    options = ["-n", "-l", f"127.0.0.1:{port}", "-c", "aiosmtpd.handlers.Mailbox", str(mails)]
    command = [str(venv.programs / "python"), "-m", "aiosmtpd", *options]
    return Process(command, mails.with_name("sink"), port)


def migrate(unit: Service) -> None:
    done = subprocess.run(
        [*unit.command, "migrate"],
        env=unit.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


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
    url = nats_url(stack.nats)
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


def test_migrations_make_what_the_models_say(
    stack: Stack, venv: Venv, tools: Venv, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    create(tools, stack.postgres, "everything")
    unit = service(
        venv, rendered("everything"), tmp_path / "x", DATABASE_URL=database(stack.postgres, "everything")
    )
    migrate(unit)
    code = (
        "import os; from everything_service.generated.migrate import check; check(os.environ['DATABASE_URL'])"
    )
    done = venv.run(tmp_path, "python", "-c", code, **unit.environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_many_mails_arrive_once_each_and_are_followed(stack: Stack) -> None:
    template = {"name": "offer", "channel": "email", "subject": "For {{ name }}", "body": "Hi {{ name }}"}
    made = stack.notification.post("/api/v1/notification-templates", template)
    assert made.status == 201, made.body
    to = [{"recipient": f"u{n}@example.org", "variables": {"name": f"u{n}"}} for n in range(300)]
    ask = {"channel": "email", "template": made.json["id"], "recipients": to}
    asked = stack.notification.post("/api/v1/notifications/bulk", ask)
    assert asked.status == 202, asked.body
    path = f"/api/v1/notifications/batches/{asked.json['batch']}"
    wait_for("all sent", lambda: stack.notification.get(path).json["statuses"] == {"sent": 300}, 30)
    mails = [message_from_bytes(path.read_bytes()) for path in (stack.mails / "new").iterdir()]
    named = sorted(f"For {one['variables']['name']}" for one in to)
    assert sorted(mail["subject"] for mail in mails) == named
    waiting = stack.notification.get("/api/v1/deliveries").json["items"]
    assert waiting == []
    metrics = stack.notification.get("/metrics").body.decode()
    assert 'delivery_attempts_total{channel="email",outcome="accepted"} 300.0' in metrics

    def told() -> bool:
        said = stack.notification.get("/metrics").body.decode()
        return 'events_published_total{outcome="stored",type="notification.sent"} 300.0' in said

    wait_for("300 events", told)
