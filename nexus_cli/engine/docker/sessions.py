"""Talking to what runs in a container: commands, their input, and a person's terminal."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_BLOCK = 1 << 16
_FRAME = struct.Struct(">BxxxL")
_STDERR = 2


def run(client: DockerClient, container: str, command: Sequence[str], *, user: str = "") -> tuple[int, str]:
    """Run a command in a container; its exit code and what it printed."""
    api = client.api
    session = api.exec_create(container, list(command), user=user)["Id"]
    said: bytes = api.exec_start(session)
    code = api.exec_inspect(session)["ExitCode"]
    return int(code if code is not None else 1), said.decode("utf-8", "replace")


def start_with_input(client: DockerClient, container: str, text: str) -> None:
    """Start a created container and give it a text on its standard input, then the end of it."""
    with _socket(client.api.attach_socket(container, params={"stdin": 1, "stream": 1})) as peer:
        client.api.start(container)
        peer.sendall(text.encode())
        _end_input(peer)
        while peer.recv(_BLOCK):  # until the other side has read all of it
            pass


def interactive(client: DockerClient, container: str, command: Sequence[str]) -> int:
    """Run a command in a container with this terminal's input and output; its exit code."""
    api, terminal = client.api, on_terminal()
    session = api.exec_create(
        container, list(command), stdin=True, tty=terminal, environment=_terminal_variables(terminal)
    )["Id"]

    stream = api.exec_start(session, tty=terminal, socket=True)
    with _socket(stream) as peer, _raw(terminal, partial(api.exec_resize, session)):
        _exchange(peer, terminal)
    code = api.exec_inspect(session)["ExitCode"]
    return int(code if code is not None else 1)


def attended(client: DockerClient, container: str) -> int:
    """Start a created container with this terminal's input and output; its exit code."""
    api, terminal = client.api, on_terminal()
    streams = dict.fromkeys(("stdin", "stdout", "stderr", "stream"), 1)
    with _socket(api.attach_socket(container, params=streams)) as peer:
        api.start(container)
        with _raw(terminal, partial(api.resize, container)):
            _exchange(peer, terminal)
    return int(api.wait(container)["StatusCode"])


def on_terminal() -> bool:
    """Whether a person sits at this end."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _exchange(peer: socket.socket, terminal: bool) -> None:
    """Carry input there and output here until the command has ended."""
    readers: list[Any] = [peer, sys.stdin.fileno()]
    pending = b""
    while True:
        ready, _, _ = select.select(readers, [], [])
        if peer in ready:
            data = peer.recv(_BLOCK)
            if not data:
                return
            pending = _write(pending + data, terminal)
        if sys.stdin.fileno() in ready:
            typed = os.read(sys.stdin.fileno(), _BLOCK)
            if typed:
                peer.sendall(typed)
            else:
                readers.remove(sys.stdin.fileno())
                _end_input(peer)


def _write(data: bytes, terminal: bool) -> bytes:
    """Write what came, a terminal's as it is, else frame by frame to where it belongs; returns the rest."""
    if terminal:
        os.write(sys.stdout.fileno(), data)
        return b""
    while len(data) >= _FRAME.size:
        stream, size = _FRAME.unpack_from(data)
        if len(data) < _FRAME.size + size:
            break
        target = sys.stderr if stream == _STDERR else sys.stdout
        os.write(target.fileno(), data[_FRAME.size : _FRAME.size + size])
        data = data[_FRAME.size + size :]
    return data


@contextlib.contextmanager
def _raw(terminal: bool, resize: Callable[[int, int], Any]) -> Iterator[None]:
    """This terminal passes every key on, and tells its size (lines, columns), until the block ends."""
    if not terminal:
        yield
        return

    def tell(_signal: int = 0, _frame: FrameType | None = None) -> None:
        size = shutil.get_terminal_size()
        with contextlib.suppress(OSError):
            resize(size.lines, size.columns)

    before = termios.tcgetattr(sys.stdin)
    handler = signal.signal(signal.SIGWINCH, tell)
    try:
        tty.setraw(sys.stdin)
        tell()
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)


def _terminal_variables(terminal: bool) -> dict[str, str]:
    return {"TERM": os.environ["TERM"]} if terminal and "TERM" in os.environ else {}


def _end_input(peer: socket.socket) -> None:
    """Say that nothing more comes from us, and go on listening."""
    import ssl

    if not isinstance(peer, ssl.SSLSocket):
        peer.shutdown(socket.SHUT_WR)
        return
    peer.setblocking(False)  # else it would wait here for the other side to say the same
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.unwrap()
    peer.setblocking(True)


def socket_of(stream: Any) -> socket.socket:
    """The socket under what the SDK returns, which differs between transports."""
    peer: socket.socket = getattr(stream, "_sock", stream)
    return peer


@contextlib.contextmanager
def _socket(stream: Any) -> Iterator[socket.socket]:
    """The socket under what the SDK returns; closed at the end."""
    peer = socket_of(stream)
    try:
        yield peer
    finally:
        peer.close()
        stream.close()
