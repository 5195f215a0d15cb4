"""One request over a local socket and its answer: HTTP by hand, as `http.client` takes longer to load."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from urllib.parse import urlencode

_ENOUGH = 1 << 30


class Answer:
    """What came back: `status`, and a body that is read as one likes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        status, _, _ = stream.readline().partition(b"\r\n")
        try:
            self.status = int(status.split(b" ", 2)[1])
        except (IndexError, ValueError):
            raise ValueError("it does not answer as an engine does") from None
        headers: dict[bytes, bytes] = {}
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip().lower()
        self._chunked = headers.get(b"transfer-encoding") == b"chunked"
        length = headers.get(b"content-length")
        empty = self.status in {204, 304}
        self._left = 0 if self._chunked or empty else _ENOUGH if length is None else int(length)

    def read(self, size: int = _ENOUGH, /) -> bytes:
        """The next bytes: as many as asked for, unless the body ends before."""
        blocks = []
        while size and (block := self._some(size)):
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)

    def _some(self, most: int) -> bytes:
        if self._chunked and not self._left:
            size = self._stream.readline()
            if not size:
                raise ValueError("its answer broke off")
            self._left = int(size.partition(b";")[0], 16)
            if not self._left:
                self._chunked = False  # the last one
        data = self._stream.read(min(most, self._left))
        if not data and 0 < self._left < _ENOUGH:
            raise ValueError("its answer broke off")
        if self._left != _ENOUGH:
            self._left -= len(data)
        if self._chunked and not self._left:
            self._stream.readline()
        return data


@contextlib.contextmanager
def asked(
    path: str,
    method: str,
    target: str,
    query: Mapping[str, object] | None = None,
    body: tuple[str, bytes] | None = None,
    *,
    seconds: float | None,
) -> Iterator[Answer]:
    """The answer from the socket at `path`, while it is read; `body` is its content type and its bytes."""
    head = [f"{method} {target}{'?' + urlencode(query) if query else ''} HTTP/1.1", "Host: docker"]
    head += ["Connection: close", f"Content-Length: {len(body[1]) if body else 0}"]
    head += [f"Content-Type: {body[0]}"] if body else []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(seconds)
        peer.connect(path)
        with contextlib.suppress(BrokenPipeError):  # it may have said no before it has heard all
            peer.sendall("\r\n".join([*head, "", ""]).encode() + (body[1] if body else b""))
        with peer.makefile("rb") as stream:
            yield Answer(stream)
