"""Asks a unit once whether it is ready, from the host; who waits asks again every few milliseconds."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from nexus_cli.errors import NexusError
from nexus_cli.unit import Probe

Execute = Callable[[Sequence[str]], tuple[int, str]]
_MOST = 4096  # bytes of an answer that are read
_SHOWN = 200


class Behind(Enum):
    """What accepts connections in a unit's place, and the seconds in which it learns that nobody listens."""

    NOTHING = 0.0
    PROXY = 0.05
    RELAY = 0.5


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one try told; the message is for a person."""

    ok: bool
    message: str


def check(
    probe: Probe,
    host: str,
    port: int,
    *,
    behind: Behind = Behind.NOTHING,
    execute: Execute,
    log_lines: Callable[[], Iterable[str]],
) -> ProbeResult:
    """One try. `execute` runs a command where the unit runs, `log_lines` gives what it printed.

    What the port is `behind` accepts connections even when the unit does not, and then closes them.
    """
    match probe.kind:
        case "http":
            return _http(host, port, probe.target or "/", probe.timeout)
        case "tcp":
            return _tcp(host, port, probe.timeout, behind)
        case "exec":
            return _exec(probe.command, execute)
        case "log":
            return _log(probe.target, log_lines)


def _http(host: str, port: int, path: str, timeout: float) -> ProbeResult:
    """GET by hand: `http.client` costs a command more to load than the whole probe takes."""
    asked = f"GET http://{host}:{port}{path}"
    try:
        answer = _get(host, port, path, timeout)
    except OSError as error:
        return ProbeResult(ok=False, message=f"{asked}: {_fault(error)}")
    head, _, body = answer.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/\d\.\d (\d{3})", head)
    if status is None:
        return ProbeResult(ok=False, message=f"{asked}: not an HTTP answer")
    if b"transfer-encoding: chunked" in head.lower():
        body = body.partition(b"\r\n")[2].partition(b"\r\n")[0]
    code = int(status[1])
    text = " ".join(body.decode("utf-8", "replace").split())[:_SHOWN]
    return ProbeResult(ok=200 <= code < 300, message=f"{asked}: {code} {text}".rstrip())  # noqa: PLR2004


def _get(host: str, port: int, path: str, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, port), timeout) as peer:
        peer.sendall(request.encode())
        answer = b""
        while len(answer) < _MOST:
            peer.settimeout(max(0.001, deadline - time.monotonic()))
            data = peer.recv(_MOST)
            if not data:
                break
            answer += data
    return answer


def _tcp(host: str, port: int, timeout: float, behind: Behind) -> ProbeResult:
    try:
        with socket.create_connection((host, port), timeout) as peer:
            if behind.value and _closes(peer, behind.value):
                return ProbeResult(ok=False, message=f"{host}:{port}: closed at once")
            return ProbeResult(ok=True, message=f"{host}:{port} accepts connections")
    except OSError as error:
        return ProbeResult(ok=False, message=f"{host}:{port}: {_fault(error)}")


def _closes(peer: socket.socket, seconds: float) -> bool:
    peer.settimeout(seconds)
    try:
        return not peer.recv(1)
    except TimeoutError:
        return False


def _exec(command: Sequence[str], execute: Execute) -> ProbeResult:
    try:
        code, said = execute(command)
    except NexusError as error:
        return ProbeResult(ok=False, message=error.message)
    return ProbeResult(
        ok=code == 0, message=f"{command[0]}: exit code {code}" + (f": {said}" if said else "")
    )


def _log(pattern: str, log_lines: Callable[[], Iterable[str]]) -> ProbeResult:
    found = next((line for line in log_lines() if re.search(pattern, line)), None)
    if found is None:
        return ProbeResult(ok=False, message=f"no line like {pattern!r} yet")
    return ProbeResult(ok=True, message=f"printed {found[:_SHOWN]!r}")


def _fault(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror or str(error)).lower()
