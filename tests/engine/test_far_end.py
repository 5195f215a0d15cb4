"""The far end of a relay, as it runs in its container: by its own text, on its standard input and output."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from nexus_cli.engine.docker import far_end
from nexus_cli.engine.docker.far_end import DATA, END, FRAME, OPEN

BLOCK = bytes(1 << 16)
MUCH = 80  # blocks: more than both sockets hold, less than may wait


class Far:
    """The process, and what is said to it and by it."""

    def __init__(self, said: IO[bytes], says: IO[bytes]) -> None:
        self._said, self._says = said, says

    def tell(self, kind: bytes, number: int, data: bytes = b"") -> None:
        self._said.write(FRAME.pack(kind, number, len(data)) + data)
        self._said.flush()

    def hear(self) -> tuple[bytes, int, bytes]:
        kind, number, size = FRAME.unpack(self._says.read(FRAME.size))
        return kind, number, self._says.read(size)

    def open(self, number: int, listener: socket.socket) -> socket.socket:
        """Have a connection opened; its end over there."""
        host, port = listener.getsockname()
        self.tell(OPEN, number, f"{host} {port}".encode())
        peer, _ = listener.accept()
        assert self.hear() == (OPEN, number, b"")
        return peer


@pytest.fixture
def far() -> Iterator[Far]:
    text = Path(far_end.__file__).read_text(encoding="utf-8")
    command = [sys.executable, "-I", "-S", "-c", text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Far(process.stdin, process.stdout)
            process.stdin.close()
            assert process.wait(10) == 0
        finally:
            process.kill()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        made.settimeout(10)
        yield made


def test_a_connection_that_stands_still_holds_up_no_other(far: Far, listener: socket.socket) -> None:
    with far.open(1, listener) as still, far.open(2, listener) as other:
        for _ in range(MUCH):
            far.tell(DATA, 1, BLOCK)
        far.tell(END, 1)
        far.tell(DATA, 2, b"hello")
        other.settimeout(4)  # less than it has patience with the first one
        assert other.recv(5) == b"hello"
        other.sendall(b"welcome")
        assert far.hear() == (DATA, 2, b"welcome")
        still.settimeout(10)
        came = 0
        while data := still.recv(1 << 16):
            came += len(data)
        assert came == MUCH * len(BLOCK)
        assert far.hear() == (END, 1, b"")


def test_what_cannot_be_opened_is_over(far: Far) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        far.tell(OPEN, 7, f"127.0.0.1 {closed.getsockname()[1]}".encode())
        assert far.hear() == (END, 7, b"")
