"""The daemon that keeps an environment's processes running, and outlives the command that started it.

One JSON object a line over a Unix socket, one answer each: start, stop, list, ready, shutdown. What it knows
is only in its memory; when it dies, the kernel kills what it started, so that nothing strays.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_cli.engine.logs import MAX_LINE, LogWriter
from nexus_cli.identity import UNIT, identify
from nexus_cli.workspace import write_atomic

LAUNCH = str(Path(__file__).with_name("launch.py"))
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
CRASHES, STABLE = 5, 10.0  # so many ends in a row, each after less than STABLE seconds, are a crash loop
REFUSED = 2  # the exit code of a service that refuses its configuration: trying again changes nothing
_PR_SET_CHILD_SUBREAPER = 36
_DRAIN = 0.5
_POLL = 0.03


@dataclass(slots=True)
class Process:
    """One unit: what was asked for (`spec`) and how it fares."""

    spec: Mapping[str, Any]
    state: str = "starting"
    ready: bool = False
    restarts: int = 0
    crashes: int = 0
    exit_code: int | None = None
    since: float = field(default_factory=time.time)
    child: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None

    def report(self) -> dict[str, Any]:
        """What `list` says about it; never its variables or input."""
        spec = self.spec
        return {
            **{key: spec[key] for key in ("name", "kind", "fingerprint", "ports", "url", "needs")},
            "state": self.state,
            "ready": self.ready,
            "restarts": self.restarts,
            "exit_code": self.exit_code,
            "since": self.since,
            "pid": self.child.pid if self.child and self.child.returncode is None else None,
        }


class Supervisor:
    """All units of one environment."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.units: dict[str, Process] = {}
        self.ended = asyncio.Event()

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one request."""
        match request.get("do"):
            case "list":
                return {"units": [unit.report() for unit in self.units.values()]}
            case "start":
                await self._start(request["spec"])
            case "stop":
                await self._stop(str(request["name"]))
            case "ready":
                if request["name"] in self.units:
                    self.units[request["name"]].ready = True
            case "shutdown":
                await asyncio.gather(*(self._stop(name) for name in list(self.units)))
                self.ended.set()
            case other:
                return {"error": f"unknown request {other!r}"}
        return {"done": True}

    async def _start(self, spec: Mapping[str, Any]) -> None:
        await self._stop(str(spec["name"]))
        unit = Process(spec)
        self.units[spec["name"]] = unit
        began = asyncio.Event()
        unit.task = asyncio.create_task(self._keep(unit, began))
        await began.wait()

    async def _keep(self, unit: Process, began: asyncio.Event) -> None:
        """Run a unit, and run it again after a crash, with growing pauses, until it is a crash loop."""
        log = LogWriter(self.state / "logs" / f"{unit.spec['name']}.log")
        try:
            while True:
                started = time.monotonic()
                await self._run(unit, log, began)
                if self._give_up(unit, time.monotonic() - started):
                    return
                unit.state = "backoff"
                await asyncio.sleep(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (unit.crashes - 1)))
                unit.restarts += 1
        finally:
            log.close()

    def _give_up(self, unit: Process, lasted: float) -> bool:
        unit.crashes = 1 if lasted >= STABLE else unit.crashes + 1
        refused = unit.spec["kind"] == "service" and unit.exit_code == REFUSED
        if unit.spec["kind"] == "job" or refused:
            unit.state = "exited"
        elif unit.crashes >= CRASHES:
            unit.state = "crashed"
        return unit.state in {"exited", "crashed"}

    async def _run(self, unit: Process, log: LogWriter, began: asyncio.Event) -> None:
        spec = unit.spec
        rights = "unprivileged" if spec["unprivileged"] else "root"
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), rights, *spec["command"]),
                cwd=spec["cwd"] or "/",
                env={**spec["env"], UNIT: spec["name"]},
                stdin=asyncio.subprocess.DEVNULL if spec["input"] is None else asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            log.write("e", f"cannot start: {error.strerror}: {error.filename}".encode())
            unit.exit_code = 127
            began.set()
            return
        unit.child, unit.state, unit.ready, unit.since = child, "running", False, time.time()
        began.set()
        pumps = [
            asyncio.create_task(_pump(s, c, log)) for s, c in ((child.stdout, "o"), (child.stderr, "e")) if s
        ]
        if child.stdin is not None:
            with contextlib.suppress(ConnectionError):
                child.stdin.write(spec["input"].encode())
                await child.stdin.drain()
            child.stdin.close()
        code = await child.wait()
        await asyncio.wait(pumps, timeout=_DRAIN)
        for pump in pumps:
            pump.cancel()
        unit.exit_code, unit.ready = code if code >= 0 else 128 - code, False
        await asyncio.to_thread(_kill_left, str(spec["name"]), child.pid)

    async def _stop(self, name: str) -> None:
        unit = self.units.get(name)
        if unit is None:
            return
        unit.state = "stopping"
        if unit.task is not None:
            unit.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await unit.task
        child = unit.child
        if child is not None:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(getattr(signal, unit.spec["stop_signal"]))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(child.wait(), unit.spec["stop_seconds"])
            await asyncio.to_thread(_kill_left, name, child.pid)
            await child.wait()
        self.units.pop(name, None)


async def _pump(stream: asyncio.StreamReader, name: str, log: LogWriter) -> None:
    """Lines of a stream into the log; a line without end is cut, not collected."""
    rest, skipping = b"", False
    while chunk := await stream.read(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if not skipping:
                log.write(name, line.removesuffix(b"\r"))
            skipping = False
        if len(rest) > MAX_LINE:
            if not skipping:
                log.write(name, rest)
            rest, skipping = b"", True
    if rest and not skipping:
        log.write(name, rest)


def _kill_left(name: str, leader: int) -> None:
    """Kill what a unit left behind: its process group, and whoever left the group but bears its mark."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.status() == psutil.STATUS_ZOMBIE:
                _reap(child.pid, leader)
            elif child.environ().get(UNIT) == name:
                child.kill()
                _reap(child.pid, leader)


def _reap(pid: int, leader: int) -> None:
    """Take an orphan's exit code, so that it does not stay a zombie; asyncio takes the leader's own."""
    if pid != leader:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


async def _serve(state: Path, address: Path) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    supervisor = Supervisor(state)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                answer = await supervisor.answer(json.loads(line))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.ended.set)
    address.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o077)
    listener.bind(str(address))
    server = await asyncio.start_unix_server(connected, sock=listener, limit=1 << 24)
    record = {**identify(os.getpid()), "socket": str(address)}
    write_atomic(state / "supervisor.json", json.dumps(record), mode=0o600)
    while not supervisor.ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(supervisor.ended.wait(), 1.0)
        if not state.is_dir():
            break  # the workspace was removed: nothing may stay
    await asyncio.gather(*(supervisor._stop(name) for name in list(supervisor.units)))  # noqa: SLF001
    server.close()
    address.unlink(missing_ok=True)
    (state / "supervisor.json").unlink(missing_ok=True)


def main() -> None:
    """Serve the state folder and socket that the arguments name, until asked to shut down."""
    state, address = sys.argv[1:3]
    asyncio.run(_serve(Path(state), Path(address)))


if __name__ == "__main__":
    main()
