"""Speaks to an environment's supervisor: finds it, starts it when needed, and never touches a stranger."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nexus_cli import process
from nexus_cli.errors import NexusError
from nexus_cli.identity import alive
from nexus_cli.workspace import read_json

_START = 10.0
_POLL = 0.01
_QUICK = 5.0
_OTHERS = 0o077


class Supervision:
    """The supervisor of one state folder, seen from a command."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.record = state / "supervisor.json"

    def ask(self, request: Mapping[str, Any], *, timeout: float = _QUICK) -> dict[str, Any] | None:
        """The supervisor's answer; None when none runs."""
        address = self._address()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(str(address))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as stream:
                    line = stream.readline()
            except (FileNotFoundError, ConnectionError):
                return None
            except TimeoutError:
                raise NexusError(
                    f"the supervisor of {self.state} does not answer",
                    hint="`nexus down` ends it, then `nexus up`",
                ) from None
        if not line:
            return None
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NexusError(
                f"the supervisor refused: {answer['error']}", hint="run `nexus down`, then `nexus up`"
            )
        return answer

    def ensure(self) -> None:
        """Make sure that a supervisor answers; one that lost its socket is replaced."""
        if self.ask({"do": "list"}) is not None:
            return
        self.kill()
        process.detach(
            [sys.executable, "-m", "nexus_cli.engine.supervisor", str(self.state), str(self._address())],
            self.state / "supervisor.log",
        )
        deadline = time.monotonic() + _START
        while self.ask({"do": "list"}) is None:
            if time.monotonic() >= deadline:
                raise NexusError(
                    f"the supervisor did not start; see {self.state / 'supervisor.log'}",
                    hint="run `nexus doctor`",
                )
            time.sleep(_POLL)

    def kill(self) -> None:
        """End a supervisor that does not answer; only the very process that was recorded is touched."""
        identity = read_json(self.record)
        if identity and alive(identity):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(str(identity["pid"])), signal.SIGKILL)
            deadline = time.monotonic() + _QUICK
            while alive(identity) and time.monotonic() < deadline:
                time.sleep(_POLL)
        self.record.unlink(missing_ok=True)

    def gone(self) -> None:
        """Wait until the supervisor has ended."""
        identity = read_json(self.record)
        deadline = time.monotonic() + _QUICK
        while identity and alive(identity) and time.monotonic() < deadline:
            time.sleep(_POLL)

    def _address(self) -> Path:
        """The socket: in a private folder with a short name, since a socket's path has at most 107 bytes."""
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        base = Path(runtime) / "nexus" if runtime else Path(tempfile.gettempdir()) / f"nexus-{os.getuid()}"
        with contextlib.suppress(FileExistsError):
            base.mkdir(mode=0o700)
        status = base.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & _OTHERS:
            raise NexusError(f"{base} is not a private folder of this user", hint=f"remove {base}")
        return base / f"{hashlib.blake2b(str(self.state).encode(), digest_size=8).hexdigest()}.sock"
