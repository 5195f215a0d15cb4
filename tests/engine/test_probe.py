"""One try of every kind of probe, against servers that behave and servers that do not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from nexus_cli.engine.probe import ProbeResult, check
from nexus_cli.errors import NexusError
from nexus_cli.unit import Probe
from tests.support.engine_units import free_port


@contextmanager
def serving(answer: bytes, *, hang: bool = False) -> Iterator[int]:
    """A server that gives every client the same answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(4096)
                peer.sendall(answer)
                if hang:
                    done.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def ask(probe: Probe, code: int = 0, said: str = "", lines: tuple[str, ...] = ()) -> ProbeResult:
    return check(probe, "127.0.0.1", probe.port or 0, execute=lambda _: (code, said), log_lines=lambda: lines)


@pytest.mark.parametrize(
    ("answer", "ok", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, "200 ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, "204"),
        (b"HTTP/1.1 503 No\r\n\r\n" + b"no database\n" * 100, False, "503 no database no database"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", False, "302"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True, "200 ok"),
        (b"SSH-2.0-other\r\n", False, "not an HTTP answer"),
        (b"", False, "not an HTTP answer"),
    ],
)
def test_http(answer: bytes, ok: bool, message: str) -> None:
    with serving(answer) as port:
        result = ask(Probe("http", port=port, target="/ready"))
    assert result.ok == ok
    assert result.message.startswith(f"GET http://127.0.0.1:{port}/ready: {message}")
    assert len(result.message) < 300


def test_http_that_never_ends_is_bounded() -> None:
    with serving(b"HTTP/1.1 200 OK\r\n", hang=True) as port:
        started = time.monotonic()
        result = ask(Probe("http", port=port, timeout=0.2))
        assert time.monotonic() - started < 2
    assert (result.ok, result.message.endswith("no answer in time")) == (False, True)


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_nobody_there(kind: str) -> None:
    port = free_port()
    result = ask(Probe(kind, port=port))  # type: ignore[arg-type]
    assert not result.ok
    assert result.message.endswith(f"127.0.0.1:{port}{'/' if kind == 'http' else ''}: connection refused")


def test_tcp() -> None:
    with serving(b"") as port:
        assert ask(Probe("tcp", port=port)) == ProbeResult(True, f"127.0.0.1:{port} accepts connections")


def test_exec() -> None:
    probe = Probe("exec", command=("pg_isready", "-q"))
    assert ask(probe) == ProbeResult(True, "pg_isready: exit code 0")
    assert ask(probe, 2, "no response") == ProbeResult(False, "pg_isready: exit code 2: no response")


def test_exec_of_what_is_not_there() -> None:
    def missing(_: object) -> tuple[int, str]:
        raise NexusError("nothing is not installed")

    result = check(Probe("exec", command=("nothing",)), "127.0.0.1", 0, execute=missing, log_lines=list)
    assert result == ProbeResult(False, "nothing is not installed")


@pytest.mark.parametrize(
    ("lines", "ok"), [(("starting", "ready to serve 4"), True), (("starting",), False), ((), False)]
)
def test_log(lines: tuple[str, ...], ok: bool) -> None:
    check_it: Callable[..., ProbeResult] = ask
    assert check_it(Probe("log", target=r"ready to serve \d"), lines=lines).ok == ok
