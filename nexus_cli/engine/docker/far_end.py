"""The far end of a relay: opens connections where it runs, as frames on its standard input say.

It runs by itself in a container, with nothing but Python's own library; its text is the container's command.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading

FRAME = struct.Struct(">cII")
"""What stands before every piece: its kind, the number of its connection, and how many bytes follow."""
OPEN, DATA, END = b"O", b"D", b"E"
"""Open a connection (to `host port`), or: it is open; what was sent over it; it is over."""
_BLOCK = 1 << 16
_SECONDS = 5.0


class FarEnd:
    """The connections that are open here, by the numbers that the other end gave them."""

    def __init__(self) -> None:
        self._said = threading.Lock()
        self._peers: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Do what the frames say until there are no more of them."""
        read = sys.stdin.buffer.read
        while len(head := read(FRAME.size)) == FRAME.size:
            kind, number, size = FRAME.unpack(head)
            data = read(size)
            if kind == OPEN:
                threading.Thread(target=self._carry, args=(number, data.decode()), daemon=True).start()
            elif peer := self._peers.get(number):
                with contextlib.suppress(OSError):
                    if kind == DATA:
                        peer.sendall(data)
                    else:
                        peer.shutdown(socket.SHUT_RDWR)

    def _carry(self, number: int, where: str) -> None:
        """Connect, and tell whatever comes until it is over."""
        host, _, port = where.partition(" ")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), _SECONDS) as peer:
            peer.settimeout(None)
            self._peers[number] = peer
            self._tell(OPEN, number)
            while data := peer.recv(_BLOCK):
                self._tell(DATA, number, data)
        self._peers.pop(number, None)
        self._tell(END, number)

    def _tell(self, kind: bytes, number: int, data: bytes = b"") -> None:
        with self._said:
            sys.stdout.buffer.write(FRAME.pack(kind, number, len(data)) + data)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    FarEnd().serve()
