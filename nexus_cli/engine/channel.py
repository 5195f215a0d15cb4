"""The client's side of the supervisor: find it, start it, ask it, and end one that does not answer."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nexus_cli import identity
from nexus_cli.engine.life import MARK
from nexus_cli.engine.supervisor import RECORD
from nexus_cli.errors import NexusError
from nexus_cli.identity import Identity
from nexus_cli.process import run
from nexus_cli.workspace import private_folder

PATIENCE = 2.0  # seconds for a supervisor to answer what it can answer at once
_START_SECONDS = 20.0
_LONGEST_RUNTIME = 60  # a socket's path has at most 107 bytes


class Channel:
    """Talks to the supervisor of one state folder."""

    def __init__(self, state: Path, label: str) -> None:
        self.state = state
        self.label = label

    def ask(self, request: dict[str, Any], *, patience: float = PATIENCE) -> dict[str, Any] | None:
        """The supervisor's reply, or None when none runs; `patience` is in seconds."""
        record = self._record()
        path = record.get("socket")
        if not isinstance(path, str):
            return None
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(patience)
            try:
                _own_folder(Path(path).parent)
                peer.connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                return None
            except TimeoutError:
                raise self._hung() from None
            except OSError as error:
                raise NexusError(
                    f"{self.label}: cannot reach the supervisor at {path}: {error.strerror}"
                ) from error
            return self._exchange(peer, request)

    def demand(self, request: dict[str, Any], *, patience: float = PATIENCE) -> dict[str, Any]:
        """The supervisor's reply; starts one when none runs."""
        self.ensure()
        reply = self.ask(request, patience=patience)
        if reply is None:
            raise NexusError(f"{self.label}: the supervisor ended while it was asked")
        return reply

    def ensure(self) -> None:
        """Make sure that a supervisor runs and answers; one that cannot be reached any more is replaced."""
        if self._answers():
            return
        private_folder(self.state)
        private_folder(self.state / "logs")
        with self._alone() as lock:
            if self._answers():
                return
            self._kill()
            path = _socket_folder() / f"{self._key()}.sock"
            environment = {name: value for name, value in os.environ.items() if name != MARK}
            done = run(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "nexus_cli.engine.supervisor",
                    str(self.state),
                    str(path),
                    str(lock),
                ],
                env=environment,
                timeout=_START_SECONDS,
                pass_fds=(lock,),  # if we are killed now, the next command waits until it has started
            )
            if done.code:
                raise NexusError(f"{self.label}: the supervisor did not start: {done.last_line}")

    def end(self, patience: float) -> None:
        """Stop all units and the supervisor, by force when it does not answer; one that starts is awaited."""
        private_folder(self.state)
        with self._alone():
            self._end(patience)

    def _end(self, patience: float) -> None:
        try:
            reply = self.ask({"do": "shutdown"}, patience=patience)
        except NexusError:
            reply = None
        supervisor = self._supervisor()
        if reply is None:
            self._kill()
        elif supervisor is not None:
            _gone(supervisor)
        (self.state / RECORD).unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            return self.ask({"do": "list"}) is not None
        except NexusError:
            return False

    def _exchange(self, peer: socket.socket, request: dict[str, Any]) -> dict[str, Any] | None:
        if _peer_user(peer) not in {os.geteuid(), None}:
            raise NexusError(f"{self.label}: the supervisor's socket belongs to another user")
        received = b""
        try:
            peer.sendall(json.dumps(request).encode() + b"\n")
            while not received.endswith(b"\n"):
                data = peer.recv(1 << 16)
                if not data:
                    return None
                received += data
        except TimeoutError:
            raise self._hung() from None
        except (BrokenPipeError, ConnectionResetError):
            return None
        reply: dict[str, Any] = json.loads(received)
        return reply

    def _hung(self) -> NexusError:
        return NexusError(
            f"{self.label}: the supervisor does not answer",
            hint="`nexus down` ends it and everything that it runs",
        )

    def _record(self) -> dict[str, Any]:
        try:
            record = json.loads((self.state / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _supervisor(self) -> Identity | None:
        """The supervisor that the record names, if exactly that process lives."""
        record = self._record()
        try:
            written = Identity(int(record["pid"]), float(record["started"]), str(record["boot"]))
        except (KeyError, ValueError, TypeError):
            return None
        return written if identity.alive(written) else None

    def _kill(self) -> None:
        """End the recorded supervisor, if it lives; its units die with it."""
        supervisor = self._supervisor()
        if supervisor is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGKILL)
        _gone(supervisor)

    def _key(self) -> str:
        return hashlib.blake2b(os.fsencode(self.state.resolve()), digest_size=12).hexdigest()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """Only one command at a time starts the supervisor."""
        descriptor = os.open(self.state / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _gone(process: Identity, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while identity.alive(process):
        if time.monotonic() > deadline:
            raise NexusError(f"the supervisor (pid {process.pid}) does not end")
        time.sleep(0.005)


def _socket_folder() -> Path:
    """A folder for sockets that is ours alone; paths of sockets must be short."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and len(runtime) < _LONGEST_RUNTIME and os.access(runtime, os.W_OK):
        folder = Path(runtime) / "nexus"
    else:
        folder = Path("/tmp") / f"nexus-{os.geteuid()}"  # noqa: S108 - checked below
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _own_folder(folder)
    return folder


def _own_folder(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NexusError(
            f"{folder} is not a folder of yours",
            hint="remove it, or set XDG_RUNTIME_DIR to a folder of yours",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)


def _peer_user(peer: socket.socket) -> int | None:
    """Who is at the other end, where the system tells."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return int(user)
