"""The daemon that keeps an environment's units running after the command that started them has ended.

`python -m nexus_cli.engine.supervisor STATE SOCKET` returns when it can be talked to. One JSON object a
line, one request a connection: `start`, `stop`, `kill`, `pause`, `resume`, `list`,
`mark_ready`, `wait`, `shutdown`. Unknown keys are
ignored and missing ones have defaults, so that another version of nexus can still list and stop.
A single thread waits for everything: requests, output, ended children, deadlines.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

import nexus_cli
from nexus_cli import identity
from nexus_cli.engine.launch import adopt_orphans
from nexus_cli.engine.life import MARK, Life, kill_strays
from nexus_cli.engine.logfile import LogWriter

RECORD = "supervisor.json"
_LOOK_AROUND = 2.0  # seconds between checks that the state folder is still there
_LOG_BYTES = 1 << 20
_CHUNK = 1 << 16


class Connection:
    """One client: its request until it is complete, then its reply until it is sent."""

    def __init__(self, supervisor: Supervisor, peer: socket.socket) -> None:
        self.supervisor = supervisor
        self.peer = peer
        self.received = b""
        self.sending = b""
        peer.setblocking(False)
        supervisor.selector.register(peer, selectors.EVENT_READ, self)

    def reply(self, answer: Mapping[str, Any]) -> None:
        """Send the answer and hang up."""
        if self.peer.fileno() < 0:
            return
        self.sending = json.dumps(answer).encode() + b"\n"
        self.supervisor.selector.modify(self.peer, selectors.EVENT_WRITE, self)

    def ready(self, events: int) -> None:
        """Go on with what the client's socket allows."""
        try:
            if events & selectors.EVENT_WRITE:
                self.sending = self.sending[self.peer.send(self.sending) :]
                if not self.sending:
                    self.close()
                return
            data = self.peer.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.close()
            return
        self.received += data
        if self.received.endswith(b"\n"):
            self.supervisor.handle(self, self.received)
            self.received = b""

    def close(self) -> None:
        """Hang up."""
        self.supervisor.selector.unregister(self.peer)
        self.supervisor.waiting.pop(self, None)
        self.peer.close()


class Supervisor:
    """All units of one state folder, and the loop that keeps them."""

    def __init__(self, state: str, listener: socket.socket, key: str) -> None:
        self.state = state
        self.inode = os.stat(state).st_ino  # noqa: PTH116 - pathlib is slow to load
        self.key = key
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.units: dict[str, Life] = {}
        self.waiting: dict[Connection, float] = {}  # clients of `wait`, with their deadlines
        self.version = 0  # counts the changes of any unit
        self.shown: list[dict[str, Any]] = []
        self.ending: list[Connection] = []
        self.running = True

    def run(self) -> None:
        """Work until told to end, or until the state folder is gone."""
        wake, woken = socket.socketpair()
        wake.setblocking(False)
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        self.selector.register(wake, selectors.EVENT_READ)
        self.selector.register(self.listener, selectors.EVENT_READ)
        look_around = 0.0
        while self.running:
            for key, events in self.selector.select(self._patience()):
                owner = key.data
                if isinstance(owner, Life):
                    if key.fd in owner.pipes:
                        owner.read(key.fd)
                elif isinstance(owner, Connection):
                    owner.ready(events)
                elif key.fileobj is wake:
                    wake.recv(_CHUNK)
                else:
                    self._accept()
            self._reap()
            self._deadlines()
            self._publish()
            if time.monotonic() > look_around:
                look_around = time.monotonic() + _LOOK_AROUND
                self.running = self.running and self._state_is_there()
        self._kill_everything()

    def handle(self, client: Connection, line: bytes) -> None:
        """Carry out one request; an answer may come later."""
        try:
            request = json.loads(line)
            match request.get("do"):
                case "list":
                    client.reply(self._listing())
                case "wait":
                    self._wait(client, request)
                case "start":
                    self._start(client, request["spec"])
                case "stop":
                    self._stop(client, request["name"], request.get("grace"))
                case "mark_ready":
                    self._mark_ready(client, request["name"])
                case "kill" | "pause" | "resume" as what:
                    self._disturb(client, what, request["name"])
                case "shutdown":
                    self._shutdown(client)
                case other:
                    client.reply({"error": f"unknown request {other!r}"})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            client.reply({"error": f"bad request: {type(error).__name__}: {error}"})

    def _start(self, client: Connection, spec: Mapping[str, Any]) -> None:
        name = str(spec["name"])

        def begin(_: object = None) -> None:
            life = Life(spec, self.key, LogWriter(f"{self.state}/logs", name), self.selector)
            self.units[name] = life
            life.started.append(client.reply)
            life.start()

        if name in self.units:
            self.units[name].gone.append(begin)
            self.units[name].stop()
        else:
            begin()

    def _stop(self, client: Connection, name: str, grace: float | None) -> None:
        if name not in self.units:
            client.reply({"ok": True})
            return
        self.units[name].gone.append(client.reply)
        self.units[name].stop(grace)

    def _mark_ready(self, client: Connection, name: str) -> None:
        if name in self.units:
            self.units[name].mark_ready()
        client.reply({"ok": True})

    def _disturb(self, client: Connection, what: str, name: str) -> None:
        life = self.units.get(name)
        if life is None or not life.pid:
            client.reply({"error": "does not run"})
            return
        {"kill": life.kill, "pause": life.pause, "resume": life.resume}[what]()
        client.reply({"ok": True})

    def _wait(self, client: Connection, request: Mapping[str, Any]) -> None:
        if request.get("version", -1) == self.version:
            self.waiting[client] = time.monotonic() + float(request.get("timeout", 10.0))
        else:
            client.reply(self._listing())

    def _shutdown(self, client: Connection) -> None:
        self.ending.append(client)
        for life in list(self.units.values()):
            life.stop()

    def _listing(self) -> dict[str, Any]:
        return {
            "ok": True,
            "nexus": nexus_cli.__version__,
            "version": self.version,
            "units": [life.facts for life in self.units.values()],
        }

    def _accept(self) -> None:
        try:
            peer, _ = self.listener.accept()
        except OSError:
            return
        Connection(self, peer)

    def _reap(self) -> None:
        """Tell each unit whose main process ended; the rest are adopted strays that ended by themselves."""
        mains = {life.pid: life for life in self.units.values() if life.pid}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            life = mains.pop(found.si_pid, None)
            if life is None:
                os.waitpid(found.si_pid, 0)
            else:
                life.ended()

    def _deadlines(self) -> None:
        now = time.monotonic()
        for life in list(self.units.values()):
            if life.deadline is not None and life.deadline <= now:
                life.due()
        for client, deadline in list(self.waiting.items()):
            if deadline <= now:
                del self.waiting[client]
                client.reply(self._listing())

    def _publish(self) -> None:
        """Forget what is gone, and answer those who wait for a change."""
        for name, life in list(self.units.items()):
            if life.state == "gone":
                del self.units[name]
        shown = [life.facts for life in self.units.values()]
        if shown != self.shown:
            self.shown = shown
            self.version += 1
            waiting, self.waiting = self.waiting, {}
            for client in waiting:
                client.reply(self._listing())
        if self.ending and not self.units:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Answer only when nothing of ours is left, neither processes nor files."""
        self._kill_everything()
        _remove(f"{self.state}/{RECORD}")
        _remove(str(self.listener.getsockname()))
        for client in self.ending:
            client.peer.setblocking(True)
            client.peer.settimeout(1.0)
            try:
                client.peer.sendall(b'{"ok": true}\n')
            except OSError:
                continue
        self.running = False

    def _kill_everything(self) -> None:
        own = os.getpid()
        kill_strays(lambda: identity.children(own))

    def _patience(self) -> float:
        deadlines = [life.deadline for life in self.units.values() if life.deadline is not None]
        deadlines += self.waiting.values()
        left = min(deadlines) - time.monotonic() if deadlines else _LOOK_AROUND
        return max(0.0, min(left, _LOOK_AROUND))

    def _state_is_there(self) -> bool:
        try:
            return os.stat(self.state).st_ino == self.inode  # noqa: PTH116
        except OSError:
            _remove(str(self.listener.getsockname()))
            return False


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def _clear_leftovers(state: str, key: str) -> None:
    """Kill what a supervisor that did not end in order has left behind."""
    if os.path.exists(f"{state}/{RECORD}"):  # noqa: PTH110
        own = {os.getpid(), os.getppid()}
        mark = f"{MARK}={key}:".encode()
        kill_strays(lambda: (pid for pid in identity.marked(mark) if pid not in own))


def _record(state: str, path: str) -> None:
    """Write who we are, whole or not at all."""
    me = identity.identify(os.getpid())
    record = {**(me._asdict() if me else {}), "socket": path, "nexus": nexus_cli.__version__}
    temporary = f"{state}/.{RECORD}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(record, stream)
    os.rename(temporary, f"{state}/{RECORD}")  # noqa: PTH104


def _detach(state: str) -> None:
    """Let go of the command that started us: its session, terminal, folder and streams."""
    os.setsid()
    os.chdir("/")
    log = f"{state}/supervisor.log"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    descriptor = os.open(log, flags, 0o600)
    if os.fstat(descriptor).st_size > _LOG_BYTES:
        os.ftruncate(descriptor, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for target, source in ((0, nothing), (1, descriptor), (2, descriptor)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(descriptor)


def main(state: str, path: str, lock: str | None = None) -> None:
    """Become the supervisor of a state folder; `lock` is the caller's, open here until we can be found."""
    os.umask(0o077)
    key = os.path.basename(path).partition(".")[0]  # noqa: PTH119
    _clear_leftovers(state, key)
    _remove(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    listener.setblocking(False)
    supervisor = Supervisor(state, listener, key)
    ready, is_ready = os.pipe()
    if os.fork():
        os.close(is_ready)
        sys.exit(0 if os.read(ready, 1) else 1)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    adopt_orphans()
    _record(state, path)
    if lock is not None:
        os.close(int(lock))
    os.write(is_ready, b".")
    _detach(state)
    os.close(ready)
    os.close(is_ready)
    supervisor.run()


if __name__ == "__main__":
    main(*sys.argv[1:4])
