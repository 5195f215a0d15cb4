"""Releases that take each other's place under load, on processes and in containers: no request is lost."""

from __future__ import annotations

import contextlib
import itertools
import signal
import sqlite3
import time
from typing import Any

import pytest

from tests.e2e.conftest import events, spawn, until
from tests.support.load import under_load
from tests.support.shop import CALLED, DEPLOY, Shop, killed, settled

ONE_ENGINE = pytest.mark.parametrize("on", ["process"], indirect=True)
"""For what does not depend on where units run."""


@pytest.mark.parametrize(
    ("on", "strategy"),
    [("process", "rolling"), ("process", "blue-green"), ("process", "canary"), ("docker", "rolling")],
    indirect=["on"],
)
def test_no_request_is_lost(shop: Shop, strategy: str) -> None:
    shop.describe("order", scale={"replicas": 2}, deploy={**CALLED, "verdict": {"requests": 3}})
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


@ONE_ENGINE
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


@ONE_ENGINE
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
    shop.write("v3", services=("order",), dies=0.8)
    done = shop.nexus("deploy", "production", "--strategy", "recreate")
    assert (done.returncode, "rolled-back: " in done.stderr) == (1, True), done.stderr
    assert shop.state() == dict.fromkeys(("gateway", "catalog.r2", "order.r2"), "ready")


@pytest.mark.parametrize(
    ("on", "fault", "says"),
    [
        ("process", {"ready": False}, "not ready within 5 s"),
        ("process", {"failing": 20}, "fails too often"),
        ("process", {"delay": 0.3}, "is too slow"),
        ("process", {"dies": 3}, "has ended"),
        ("docker", {"dies": 3}, "has ended|fails too often"),
    ],
    ids=["never healthy", "fails", "slow", "crashes", "crashes in a container"],
    indirect=["on"],
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
    assert any(words in done.stderr for words in says.split("|")), done.stderr
    assert "rolled-back: " in done.stderr
    assert load.said(after) == {"v0"}
    assert load.failures(after) == []
    share = len(load.failures()) / len(load.answers)
    assert share <= 0.2, share
    assert set(shop.state()) == {"gateway", "catalog.r1", "order.r1"}


@ONE_ENGINE
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


@ONE_ENGINE
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


@pytest.mark.parametrize(
    ("on", "strategy", "stride"), [("process", "canary", 8), ("docker", "rolling", 16)], indirect=["on"]
)
def test_killed_at_any_moment(shop: Shop, strategy: str, stride: int) -> None:
    """Whatever a killed deployment left: requests go on, and the next command puts it in order."""
    for name in ("catalog", "order"):
        quick = {**DEPLOY, "strategy": strategy, "hold": "100ms", "steps": [50, 100]}
        shop.describe(name, deploy=quick)
    shop.write("v0")
    shop.ok("deploy", "production")
    ways = itertools.cycle((("deploy", "production", "--resume"), ("rollback", "production"), ()))
    ended = False
    with under_load(shop.port) as load:
        for number in itertools.count(1, stride):
            version = f"w{number}"
            shop.write(version)
            ended = killed(shop, number)
            after = next(ways)
            if after and not ended:
                done = shop.nexus(*after)
                assert done.returncode == 0 or "nothing was broken off" in done.stderr, done.stderr
            if ended:
                break
        shop.ok("deploy", "production")
        moment = time.monotonic()
        settled(load)
    assert load.failures() == []
    assert load.said(moment) == {version}
    assert set(shop.state().values()) == {"ready"}
    assert shop.nexus("audit", "verify").returncode == 0


@ONE_ENGINE
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
    with contextlib.closing(sqlite3.connect(shop.root / ".nexus" / "ledger.db")) as ledger:
        return any(holder for (holder,) in ledger.execute("select holder from nexus_locks"))


@ONE_ENGINE
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
