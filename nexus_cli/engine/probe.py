"""Readiness asked from the host: one try of HTTP, TCP, a command or a pattern in the log."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nexus_cli.unit import Probe

HOST = "127.0.0.1"
_SHOWN = 200
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether the unit is ready, and what it answered in words."""

    ok: bool
    message: str


def check(
    probe: Probe,
    *,
    execute: Callable[[Sequence[str]], tuple[int, str]],
    log_lines: Callable[[], Sequence[str]],
    host: str = HOST,
) -> ProbeResult:
    """One try; never raises for an unhealthy unit."""
    match probe.kind:
        case "http":
            return _http(host, probe)
        case "tcp":
            return _tcp(host, probe)
        case "exec":
            code, output = execute(probe.command)
            said = f": {output.strip()[:_SHOWN]}" if output.strip() else ""
            return ProbeResult(code == 0, f"{probe.command[0]} exited with {code}{said}")
        case "log":
            found = any(re.search(probe.target, line) for line in log_lines())
            return ProbeResult(found, f"{'a' if found else 'no'} log line matches {probe.target!r}")


def _tcp(host: str, probe: Probe) -> ProbeResult:
    try:
        with socket.create_connection((host, probe.port or 0), probe.timeout):
            return ProbeResult(ok=True, message=f"port {probe.port} accepts connections")
    except OSError as error:
        return ProbeResult(ok=False, message=f"port {probe.port}: {error.strerror or error}")


def _http(host: str, probe: Probe) -> ProbeResult:
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, probe.port, timeout=probe.timeout)
    try:
        connection.request("GET", probe.target, headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read(4096).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ProbeResult(ok=False, message=f"GET {probe.target}: {said}")
    finally:
        connection.close()
    ok = response.status in _GOOD
    return ProbeResult(ok, f"GET {probe.target}: {response.status}{'' if ok else f' {body[:_SHOWN]}'}")
