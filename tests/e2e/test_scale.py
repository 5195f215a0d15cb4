"""More and fewer replicas, parts that are asked for, and commands beside the platform."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.e2e.conftest import states

Tiny = Callable[..., None]
GATEWAY = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'


def ask(url: str) -> tuple[int, str]:
    """The status, and which replica it came from."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status), str(answer.headers.get("x-replica"))
    except urllib.error.HTTPError as error:
        return error.code, ""


@contextmanager
def under_load(url: str) -> Iterator[list[tuple[int, str]]]:
    """Four clients that never stop asking; what they were answered."""
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def keep_asking() -> None:
        while not done.is_set():
            answers.append(ask(url))

    clients = [threading.Thread(target=keep_asking) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        done.set()
        for client in clients:
            client.join()


def ok(nexus: Run, *arguments: str) -> str:
    done = nexus(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_name(nexus: Run) -> dict[str, dict[str, Any]]:
    return {unit["name"]: unit for unit in json.loads(nexus("status", "-o", "json").stdout)}


@pytest.mark.usefixtures("on")
def test_replicas_come_and_go_behind_the_gateway_and_no_request_is_lost(
    workspace: Path, tiny: Tiny, nexus: Run
) -> None:
    (workspace / "nexus.yaml").write_text(GATEWAY)
    tiny("order", routes=[{"path": "/orders", "auth": "none"}])
    ok(nexus, "up", "--free-ports")
    url = by_name(nexus)["gateway"]["url"] + "/orders"
    assert ok(nexus, "scale") == "order=1\n"
    planned = ok(nexus, "scale", "order=3", "--dry-run")
    assert "+ start     order.3  (not running)" in planned
    assert ok(nexus, "scale") == "order=1\n"
    with under_load(url) as answers:
        ok(nexus, "scale", "order=3")
        more = len(answers)
        assert [n for n, h in states(nexus).items() if h == "ready"] == [
            "gateway",
            "order",
            "order.2",
            "order.3",
        ]
        assert nexus("plan").stdout == "nothing to do\n"
        asked = [ask(url) for _ in range(60)]
        ok(nexus, "scale", "order=1")
        fewer = len(answers)
    assert {status for status, _ in asked} == {200}
    assert len({replica for _, replica in asked}) == 3
    assert more > 10
    lost = [answer for answer in answers[:more] + answers[fewer:] if answer[0] != 200]
    assert lost == []
    assert len({replica for _, replica in answers[fewer:]}) <= 1
    assert list(by_name(nexus)) == ["gateway", "order"]
    ok(nexus, "scale", "order=0")
    assert ask(url)[0] == 503
    assert list(by_name(nexus)) == ["gateway"]
    assert "order has no replica now" in nexus("restart", "order").stderr
    ok(nexus, "down")
    ok(nexus, "up", "--free-ports")  # what was scaled by hand counts until `down`
    assert list(by_name(nexus)) == ["gateway", "order"]


def test_what_cannot_be_scaled_is_refused(shop: Path, nexus: Run) -> None:
    for word, reason in {
        "redis=2": "redis is a component",
        "oder=2": 'did you mean "order"',
        "order": '"order" does not say how many',
        "order=-1": "does not say how many",
        "order=1001": "at most 1000",
    }.items():
        done = nexus("scale", word)
        assert (done.returncode, reason in done.stderr) == (2, True), done.stderr
    assert not (shop / ".nexus" / "development" / "scale.json").exists()


def test_replicas_of_a_blueprint_and_of_an_environment(shop: Path, tiny: Tiny, nexus: Run) -> None:
    tiny("order", uses=["catalog"], scale={"replicas": 2})
    assert json.loads(ok(nexus, "scale", "-o", "json")) == {"catalog": 1, "order": 2}
    (shop / "blueprints" / "development.yaml").write_text(
        "nexus: v1\nkind: environment\nname: development\nreplicas: {order: 3}\n"
    )
    assert "order=3" in ok(nexus, "scale")
    ok(nexus, "up", "--free-ports")
    running = by_name(nexus)
    assert list(running) == ["redis", "catalog", "order", "order.2", "order.3"]
    assert len({unit["ports"]["http"] for unit in running.values() if "http" in unit["ports"]}) == 4
    ok(nexus, "restart", "order")
    assert {name: unit["health"] for name, unit in by_name(nexus).items()} == dict.fromkeys(running, "ready")
    assert running["order.3"]["ports"] == by_name(nexus)["order.3"]["ports"]


def test_profiles(shop: Path, tiny: Tiny, nexus: Run) -> None:
    tiny("debugger", uses=["order"], profiles=["debug"])
    tiny("tracer", profiles=["debug", "trace"])
    ok(nexus, "up", "--free-ports")
    assert list(states(nexus)) == ["redis", "catalog", "order"]
    planned = nexus("plan", "--profile", "trace").stdout
    assert "+ start     tracer" in planned
    assert "debugger" not in planned
    ok(nexus, "up", "--free-ports", "--profile", "debug")
    assert list(states(nexus)) == ["redis", "catalog", "debugger", "order", "tracer"]
    assert nexus("plan").stdout == "nothing to do\n"  # what runs besides goes on
    ok(nexus, "down")
    assert nexus("up", "--free-ports", "debugger", NEXUS_PROFILES="trace").returncode == 0
    assert list(states(nexus)) == ["redis", "catalog", "debugger", "order"]


@pytest.mark.usefixtures("on")
def test_a_command_beside_the_platform(workspace: Path, tiny: Tiny, nexus: Run) -> None:
    (workspace / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: shop\n")
    tiny("catalog")
    tiny("order", uses=["catalog"], env={"COLOUR": "red"})
    code = "import os, urllib.request as r; r.urlopen(os.environ['CATALOG_URL']); print(os.environ['COLOUR'])"
    assert ok(nexus, "run", "order", "python", "-c", code) == "red\n"
    assert states(nexus) == {"catalog": "ready", "order": "down"}
    assert nexus("run", "--no-deps", "order", "python", "-c", "raise SystemExit(7)").returncode == 7
    ok(nexus, "down")
    failed = nexus("run", "--no-deps", "order", "python", "-c", code)
    assert failed.returncode == 1
    assert "URLError" in failed.stderr or "URLError" in failed.stdout
