"""What happens around a deployment: hooks, checks, lost images, a dying gateway, what was broken off."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time

import pytest

from nexus_cli.engine.docker.client import connect
from nexus_cli.engine.docker.images import present
from nexus_cli.workspace import deployed, find
from tests.e2e.conftest import events, spawn, until
from tests.support.load import under_load
from tests.support.private_engine import need
from tests.support.shop import CALLED, DEPLOY, Shop, settled
from tests.support.small_disk import small_disk

ONE_ENGINE = pytest.mark.parametrize("on", ["process"], indirect=True)
NOTE = "import os; open(os.environ['NOTES'], 'a').write('{} ' + os.environ['PORT'] + '\\n')"


def hook(text: str) -> list[str]:
    return ["python", "-c", NOTE.format(text)]


@ONE_ENGINE
def test_hooks_and_smoke_checks(shop: Shop) -> None:
    notes = shop.root / ".nexus" / "notes"
    hooks = {"pre-deploy": hook("before"), "post-deploy": hook("after"), "on-failure": hook("alas")}
    smoke = [{"path": "/health"}, {"path": "/order", "contains": "v"}]
    deploy = {**DEPLOY, "hooks": hooks, "smoke": smoke}
    shop.describe("order", deploy=deploy, env={"NOTES": str(notes)})
    shop.write("v2")
    said = shop.ok("deploy", "production")
    assert [line.split()[0] for line in notes.read_text().splitlines()] == ["before", "after"]
    assert "order.r1: answers after" in said
    shop.write("w3", services=("order",))  # no "v" in what it says
    done = shop.nexus("deploy", "production")
    assert done.returncode == 1
    assert '/order answered without "v"' in done.stderr
    assert [line.split()[0] for line in notes.read_text().splitlines()][2:] == ["before", "alas"]
    assert set(shop.state()) >= {"gateway", "catalog.r1", "order.r1"}
    assert set(shop.state().values()) == {"ready"}
    shop.describe(
        "order", deploy={**DEPLOY, "hooks": {"pre-deploy": ["python", "-c", "raise SystemExit(9)"]}}
    )
    shop.write("v4")
    done = shop.nexus("deploy", "production")
    assert (done.returncode, "ended with exit code 9" in done.stderr) == (1, True)


@ONE_ENGINE
def test_a_secret_that_is_missing_is_said_before_anything_begins(shop: Shop) -> None:
    shop.describe("order", secrets=["STRIPE_KEY"])
    shop.write("v2")
    done = shop.nexus("deploy", "production")
    assert (done.returncode, "STRIPE_KEY" in done.stderr) == (2, True)
    assert not deployed(find(shop.root), "production")
    assert json.loads(shop.ok("history", "production", "-o", "json")) == []


def offering(*paths: str) -> str:
    """The OpenAPI document of a service with these operations."""
    get = {"responses": {"200": {"description": "found"}}}
    about = {"openapi": "3.1.0", "info": {"title": "order", "version": "1.0.0"}}
    return json.dumps({**about, "paths": {path: {"get": get} for path in paths}})


@ONE_ENGINE
def test_what_breaks_the_callers_of_an_api_is_said_before_it_serves(shop: Shop) -> None:
    shop.write("v2", services=("order",), api=offering("/order", "/order/last"))
    assert "rely on" not in shop.ok("deploy", "production")
    shop.write("v3", services=("order",), api=offering("/order", "/order/first"))
    said = shop.ok("deploy", "production")
    warning = said.index("order v3 breaks what callers of v2 rely on: GET /order/last")
    assert warning < said.index("v2 0 %, v3 100 %")
    lines = shop.ok("release", "diff", "v2", "v3").splitlines()
    told = [line.split(maxsplit=2)[2] for line in lines if line.startswith("api       order")]
    assert told[0].startswith("breaking")
    assert any("GET /order/last" in line for line in told)
    assert any("GET /order/first" in line for line in told)


@ONE_ENGINE
def test_what_was_broken_off_is_explained(shop: Shop) -> None:
    shop.ok("deploy", "production")
    assert "broken off" not in shop.nexus("status", "--env", "production").stderr
    shop.describe("catalog", deploy={**DEPLOY, "hold": "30s"})
    shop.write("v2")
    deploy = spawn(shop.root, "deploy", "production", "-o", "json")
    assert deploy.stdout is not None
    for line in deploy.stdout:
        if any(event.get("action") == "watch" for event in events(line)):
            break
    assert "deploy v2 by" in (said := shop.nexus("status", "--env", "production").stderr)
    assert "is under way: `nexus deploy production`" in said
    deploy.kill()
    deploy.communicate()
    said = shop.nexus("status", "--env", "production").stderr
    assert "was broken off at " in said
    assert "`watch catalog 100 %`" in said
    assert "nexus deploy production --resume" in said
    shop.ok("rollback", "production")
    assert shop.nexus("status", "--env", "production").stderr == ""
    refused = shop.nexus("up", "--env", "production")
    assert (refused.returncode, "is deployed to" in refused.stderr) == (2, True)


@pytest.mark.parametrize("on", ["docker"], indirect=True)
def test_an_image_is_built_before_anything_is_replaced(shop: Shop) -> None:
    shop.ok("deploy", "production")
    shop.write("v2")
    shop.ok("deploy", "production", "--strategy", "recreate")
    serving = {"gateway", "catalog.r2", "order.r2"}
    assert shop.state() == dict.fromkeys(serving, "ready")
    shop.write("v3")
    with (shop.root / "services" / "order" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN false\n")
    shop.git("commit", "--all", "--quiet", "--amend", "--no-edit")
    shop.git("tag", "--force", "v3")
    with under_load(shop.port) as load:
        settled(load)
        for strategy in ("recreate", "rolling"):
            done = shop.nexus("deploy", "production", "--strategy", strategy)
            assert (done.returncode, "rolled-back: " in done.stderr) == (1, True), done.stderr
        settled(load)
    assert (load.failures(), load.said(0)) == ([], {"v2"})
    assert shop.state() == dict.fromkeys(serving, "ready")

    shop.write("v4")  # whose container gets the address that the one before had
    victim = spawn(shop.root, "deploy", "production", "--strategy", "recreate", "-o", "json")
    assert victim.stdout is not None
    for line in victim.stdout:
        event = json.loads(line)
        if event["event"] == "step_finished" and event["id"].startswith("start catalog"):
            break
    victim.kill()
    victim.communicate()
    shop.ok("rollback", "production")
    assert shop.state() == dict.fromkeys(serving, "ready")


@pytest.mark.parametrize("on", ["docker"], indirect=True)
def test_an_image_that_is_gone_is_built_again_from_the_release(shop: Shop) -> None:
    shop.ok("deploy", "production")
    before = shop.images()
    assert all(image.startswith("sha256:") for image in before.values())
    shop.write("v2")
    shop.ok("deploy", "production")
    assert set(shop.images().values()).isdisjoint(before.values())
    for image in before.values():
        subprocess.run(["docker", "rmi", "--force", image], check=True, capture_output=True)
    with under_load(shop.port) as load:
        shop.ok("rollback", "production", "--version", "v1")
        after = time.monotonic()
        settled(load)
    assert (load.failures(), load.said(after)) == ([], {"v1"})
    assert shop.ok("rollback", "production", "--plan").count("shift") >= 2
    written = json.loads((shop.root / "blueprints" / "production.yaml").read_text())

    def kept() -> int:
        return len([name for name in present(connect()) if name.startswith(f"shop-{shop.port}-")])

    for version, retention in (("v3", 1), ("v4", 9)):  # the first leaves nobody who could want v2
        shop.place(**{**written, "retention": retention})
        shop.write(version)
        shop.ok("deploy", "production")
    assert kept() == 6  # of v1, v3 and v4
    neighbour = f"shop-{shop.port}-eu-order:same"  # another platform's name for the same content
    subprocess.run(["docker", "tag", before["order"], neighbour], check=True)
    shop.place(**{**written, "retention": 1})
    would_go = shop.ok("release", "prune", "--dry-run")
    assert (would_go.count(f"image shop-{shop.port}-"), would_go.count("would be removed"), kept()) == (
        2,
        4,
        7,
    )
    assert shop.ok("release", "prune").count(" removed") == 4
    assert kept() == 5
    subprocess.run(["docker", "rmi", neighbour], check=True, capture_output=True)
    assert shop.ok("release", "prune").strip() == "nothing to remove"


@ONE_ENGINE
def test_a_gateway_that_dies_in_the_middle(shop: Shop) -> None:
    shop.describe("order", deploy={**CALLED, "strategy": "canary", "steps": [50, 100], "hold": "2s"})
    shop.write("v0")
    shop.ok("deploy", "production")
    shop.write("v2")
    with under_load(shop.port) as load:
        settled(load)
        deploy = spawn(shop.root, "deploy", "production", "-o", "json")
        assert deploy.stdout is not None
        for line in deploy.stdout:
            if any(e.get("action") == "watch" and e.get("unit") == "order" for e in events(line)):
                break
        gateway = json.loads(shop.nexus("status", "--env", "production", "-o", "json").stdout)[0]
        subprocess.run(["kill", "-9", str(gateway["pid"])], check=True)
        deploy.communicate()
        until(lambda: shop.state().get("gateway") == "ready")
        shop.ok("deploy", "production")
        after = time.monotonic()
        settled(load)
    assert (load.failures(after), load.said(after)) == ([], {"v2"})


@ONE_ENGINE
def test_a_full_disk_stops_a_deployment_and_nothing_that_serves(shop: Shop) -> None:
    need("mount")
    state = shop.root / ".nexus"
    state.mkdir(mode=0o700)
    with small_disk(state, "24m"):
        shop.ok("deploy", "production")
        shop.write("v2")
        with under_load(shop.port) as load:
            settled(load)
            with contextlib.suppress(OSError), (state / "filler").open("wb", buffering=0) as filler:
                while filler.write(b"x" * 4096):
                    pass
            done = shop.nexus("deploy", "production")
            settled(load)
            (state / "filler").unlink()
            assert done.returncode == 1, done.stderr
            assert "full" in done.stderr.lower() or "no space left" in done.stderr.lower(), done.stderr
            assert "Traceback" not in done.stderr
            assert (load.failures(), load.said()) == ([], {"v1"})
            shop.ok("deploy", "production")
            after = time.monotonic()
            settled(load)
        assert (load.failures(), load.said(after)) == ([], {"v2"})
        assert "none changed" in shop.ok("audit", "verify")
        shop.ok("down", "--env", "production")
