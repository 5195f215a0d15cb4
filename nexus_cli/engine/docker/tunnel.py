"""A far engine's socket brought here by the person's own `ssh`, with its keys, agent and configuration."""

from __future__ import annotations

import atexit
import functools
import shutil
import socket
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from nexus_cli.errors import NexusError
from nexus_cli.process import Background

_SOCKET = "/var/run/docker.sock"
_SECONDS, _INTERVAL, _PATIENCE = 30.0, 0.03, 15


@functools.cache
def opened(where: str) -> str:
    """The local address of the engine at `ssh://[USER@]HOST[:PORT][/SOCKET]`, while this process lives."""
    parts = urlsplit(where)
    if not parts.hostname or parts.hostname.startswith("-"):
        raise NexusError(f"{where} names no host", hint="ssh://user@host")
    folder = Path(tempfile.mkdtemp(prefix="nexus-ssh-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    here = folder / "docker.sock"
    port = ["-p", str(parts.port)] if parts.port else []
    target = f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname
    forward = f"{here}:{parts.path.rstrip('/') or _SOCKET}"
    # `cat` ends with our end of its input, and the tunnel with it: however we end, nothing stays behind.
    alive = ["-o", f"ConnectTimeout={_PATIENCE}", "-o", f"ServerAliveInterval={_PATIENCE}"]
    command = ["ssh", "-T", "-o", "ExitOnForwardFailure=yes", *alive, "-L", forward, *port, target, "cat"]
    output = folder / "said"
    tunnel = Background(command, output=output, held=True)
    atexit.register(tunnel.kill)
    deadline = time.monotonic() + _SECONDS
    while not _answers(here):
        if tunnel.code is not None:
            said = output.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
            words = " ".join(["ssh", *port, target])
            unknown = "connect once and look at its key: " if "key verification" in said.lower() else ""
            raise NexusError(f"cannot reach {target}: {said}", hint=f"{unknown}`{words}` has to work")
        if time.monotonic() > deadline:
            raise NexusError(f"{target} did not let us in within {_SECONDS:g} s")
        time.sleep(_INTERVAL)
    return f"unix://{here}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
