"""Two environments with rules, through the command line: promotion, leave, freezes, hooks, and drift."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.release.change import SETTINGS, STRAYED
from nexus_cli.release.estate import Estate, estate
from nexus_cli.unit import File, Unit
from nexus_cli.workspace import Workspace
from tests.conftest import NEXUS, Run, running
from tests.e2e.conftest import SERVER, free_port, until
from tests.release.test_notify import SECRET, Hook, hook
from tests.support.engine_units import script

__all__ = ["hook"]
PLATFORM = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'
ROUTES = "rds/routes.json"
ALWAYS = "Mon 00:00 - Mon 00:00"
PLACES: dict[str, dict[str, Any]] = {
    "staging": {"retention": 1},
    "production": {"retention": 1, "approve": ["bob"], "freeze": [ALWAYS], "replicas": {"order": 2}},
}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "shop"
    (root / "blueprints").mkdir(parents=True)
    (root / "nexus.yaml").write_text(PLATFORM)
    (root / ".gitignore").write_text(".nexus/\n")
    order = {
        "nexus": "v1",
        "kind": "service",
        "name": "order",
        "port": free_port(),
        "routes": [{"path": "/order"}],
        "run": {"serve": ["python", "server.py"]},
        "deploy": {"hold": "1s", "verdict": {"requests": 0}},
    }
    write(root, "order", order)
    for name, rules in PLACES.items():
        place = {"nexus": "v1", "kind": "environment", "name": name, "target": {"process": True}}
        ports = {"gateway": {"http": free_port(), "admin": free_port()}}
        write(root, name, {**place, "ports": ports, "notify": "TEAM_HOOK", **rules})
    git(root, "init", "--quiet")
    release(root, "v1")
    yield root
    for name in PLACES:
        command = [*NEXUS, "down", "--env", name, "--volumes"]
        subprocess.run(command, cwd=root, capture_output=True, check=False, timeout=60)


def write(root: Path, name: str, data: dict[str, Any]) -> None:
    (root / "blueprints" / f"{name}.yaml").write_text(json.dumps(data))


def git(root: Path, *arguments: str) -> None:
    name = ["-c", "user.name=Ann", "-c", "user.email=ann@shop.example"]
    subprocess.run(["git", *name, *arguments], cwd=root, check=True, capture_output=True)


def release(root: Path, version: str) -> None:
    """Commit and tag something new."""
    folder = root / "services" / "order"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.py").write_text(SERVER.format(before=f"# {version}", ready="True"))
    (folder / "requirements.lock").write_text("")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", version)
    git(root, "tag", version)


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done.stdout


def happened(nexus: Run, environment: str) -> list[tuple[str, str, str, str]]:
    told = json.loads(ok(nexus("history", environment, "-o", "json")))
    return [(run["action"], run["version"], run["actor"], run["outcome"]) for run in told]


def test_a_release_goes_on_to_the_next_environment_by_leave_of_another(
    root: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_HOOK", hook.url)
    monkeypatch.setenv("NEXUS_ACTOR", "ada")
    nexus = running(root)
    assert 'did you mean "staging"?' in nexus("history", "stagin").stderr
    assert "nothing serves in staging" in nexus("promote", "staging", "production").stderr
    ok(nexus("deploy", "staging"))
    said = nexus("promote", "staging", "production")
    assert said.returncode == 1
    assert f"nothing is deployed to production in {ALWAYS}, now until Mon " in said.stderr
    assert "production wants one of bob to agree to v1" in said.stderr
    assert "nexus approve production --version v1" in said.stderr
    assert happened(nexus, "production") == []

    approve = ("approve", "production", "--version", "v1", "--reason", "seen")
    assert "ada cannot approve for production" in nexus(*approve).stderr
    assert ok(nexus(*approve, NEXUS_ACTOR="bob")) == "bob agrees to v1 in production\n"
    warned = nexus("promote", "staging", "production", "--dry-run")
    assert f"warning: nothing is deployed to production in {ALWAYS}" in warned.stderr
    assert "wants one of bob" not in warned.stderr

    ok(nexus("promote", "staging", "production", "--break-glass", "it burns", "-m", "the fix"))
    assert [(action, who, how.split(" in ")[0]) for action, _, who, how in happened(nexus, "production")] == [
        ("approval", "bob", "approved"),
        ("break-glass", "ada", "nothing is deployed to production"),
        ("promote", "ada", "succeeded"),
    ]
    (kept,) = json.loads(ok(nexus("release", "list", "-o", "json")))
    assert kept["serves"] == ["production", "staging"]
    differences = json.loads(ok(nexus("env", "diff", "staging", "production", "-o", "json")))
    assert differences["service order"] == {"staging": "v1 x 1, 100 %", "production": "v1 x 2, 100 %"}
    assert "serves" not in differences

    first, second = (body["text"] for body in hook.bodies)
    assert first.startswith("\u2705 *deploy* v1 in *shop/staging*: succeeded after ")
    assert first.endswith(" s, by ada")
    assert "*promote* v1 in *shop/production*" in first + second
    assert f"in spite of: nothing is deployed to production in {ALWAYS}" in second
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in (root / ".nexus").glob("ledger.db*"))
    assert "none changed" in ok(nexus("audit", "verify"))


def test_what_was_changed_by_hand_is_shown_and_a_deployment_brings_units_back(root: Path) -> None:
    nexus = running(root)

    def drifted() -> set[tuple[str, str]]:
        done = nexus("drift", "staging", "-o", "json")
        found = {(one["unit"], one["what"]) for one in json.loads(done.stdout)}
        assert done.returncode == (10 if found else 0), done.stderr
        return found

    assert drifted() == set()  # nothing was deployed yet
    ok(nexus("deploy", "staging"))
    assert "shop/staging is as it was deployed" in ok(nexus("drift", "staging"))
    place = estate(Workspace(root), "staging")
    live = place.live()
    laid_out_otherwise(place)
    assert drifted() == set()
    nobody_touched_it(root, nexus)
    (name,) = live.units
    place.engine.stop(name)
    place.engine.start(script("stray"))
    assert drifted() == {("order.r1", "missing"), ("stray", "unknown")}
    ok(nexus("deploy", "staging", "--version", "v1"))
    assert drifted() == set()

    order = next(unit for unit in place.units(live) if unit.name == name)
    place.engine.stop(name)
    place.engine.start(replace(order, fingerprint="env=other"))
    gateway = place.gateway_unit(live)
    assert gateway is not None
    lead_elsewhere(place, gateway)
    assert {("order.r1", "changed"), ("gateway", "routing")} <= drifted()
    until(lambda: "the data plane sends requests elsewhere" in nexus("drift", "staging").stdout, 60.0)
    assert "configure gateway" in ok(nexus("deploy", "staging", "--version", "v1", "--dry-run"))
    ok(nexus("deploy", "staging", "--version", "v1"))
    assert drifted() == set()

    ok(nexus("down", "order", "--env", "staging"))
    assert drifted() == {("order.r1", "missing")}
    assert happened(nexus, "staging")[-1][::3] == ("down", "order stopped")


def laid_out_otherwise(place: Estate) -> None:
    """Write the gateway's files as another version of nexus does: the same, with other white space."""
    gateway = place.gateway_unit(place.live())
    assert gateway is not None
    files = {
        name: replace(file, content=json.dumps(json.loads(file.content), indent=1)) if file.live else file
        for name, file in gateway.files.items()
    }
    place.engine.configure(replace(gateway, files=files))
    assert gateway.written(ROUTES) == files[ROUTES].content != gateway.files[ROUTES].content


def nobody_touched_it(root: Path, nexus: Run) -> None:
    """A release with another setting of the gateway's is no gateway that was changed by hand."""
    (root / "nexus.yaml").write_text(f"{PLATFORM}gateway: {{cors: ['https://shop.example']}}\n")
    git(root, "commit", "--quiet", "--all", "--message", "cors")
    git(root, "tag", "v1.1")
    told = ok(nexus("deploy", "staging", "--version", "v1.1", "--dry-run"))
    assert SETTINGS in told
    assert STRAYED not in told


def lead_elsewhere(place: Estate, gateway: Unit) -> None:
    """Write over the gateway's routes, as a new version of them."""
    routes = json.loads(gateway.files[ROUTES].content)
    routes["version_info"] = "by hand"
    for host in routes["resources"][0]["virtual_hosts"]:
        host["routes"] = []
    files = {**gateway.files, ROUTES: File(json.dumps(routes), live=True)}
    place.engine.configure(replace(gateway, files=files))


def test_the_next_releases_push_out_what_nobody_can_need_any_more(root: Path) -> None:
    nexus = running(root)
    ok(nexus("deploy", "staging"))
    for version in ("v2", "v3"):
        release(root, version)
        said = nexus("deploy", "staging")
        ok(said)
    assert "removed the code of 1 services" in said.stderr
    kept = {
        found["version"]: found["kept"] for found in json.loads(ok(nexus("release", "list", "-o", "json")))
    }
    assert kept == {"v1": False, "v2": True, "v3": True}
    gone = nexus("rollback", "staging", "--version", "v1", "--plan")
    assert gone.returncode == 1
    assert "the code of order v1 is not here" in gone.stderr
    started = json.loads(ok(nexus("history", "staging", "-n", "2", "-o", "json")))
    assert not any(step["id"] == "restart gateway" for run in started for step in run["steps"])
    ok(nexus("rollback", "staging"))
    assert json.loads(ok(nexus("env", "show", "staging", "-o", "json")))["serves"] == "v2"
