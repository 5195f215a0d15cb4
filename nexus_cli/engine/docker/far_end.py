"""The far end of a relay: opens connections where it runs, as frames on its standard input say.

It runs by itself in a container, with nothing but Python's own library; its text is the container's command.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import struct
import sys
import threading

FRAME = struct.Struct(">cII")
"""What stands before every piece: its kind, the number of its connection, and how many bytes follow."""
OPEN, DATA, END = b"O", b"D", b"E"
"""Open a connection (to `host port`), or: it is open; what was sent over it; it is over."""
_BLOCK = 1 << 16
_AHEAD = 128  # pieces that may wait for one connection
_SECONDS = 5.0


class Sender:
    """Sends over a connection in a thread of its own: one that stands still does not hold up the others.

    However it ends, the connection is shut down, so that whoever reads from it hears of it, and closes it.
    """

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._waiting = queue.Queue[bytes](_AHEAD)
        self._over = False
        threading.Thread(target=self._send, daemon=True).start()

    def put(self, data: bytes) -> None:
        """Have it sent; nothing is the end. A connection that takes nothing for too long is cut off."""
        if not self._over:
            try:
                self._waiting.put(data, timeout=_SECONDS)
            except queue.Full:
                self.end()

    def end(self) -> None:
        """Send no more, not even what waits."""
        self._over = True
        with contextlib.suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(queue.Full):  # if it is, sending fails
            self._waiting.put_nowait(b"")

    def _send(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._waiting.get():
                self._peer.sendall(data)
        self.end()
        with contextlib.suppress(queue.Empty):  # whoever waits for room waits no longer
            while True:
                self._waiting.get_nowait()


class FarEnd:
    """The connections that are open here, by the numbers that the other end gave them."""

    def __init__(self) -> None:
        self._said = threading.Lock()
        self._senders: dict[int, Sender] = {}

    def serve(self) -> None:
        """Do what the frames say until there are no more of them."""
        read = sys.stdin.buffer.read
        while len(head := read(FRAME.size)) == FRAME.size:
            kind, number, size = FRAME.unpack(head)
            data = read(size)
            if kind == OPEN:
                threading.Thread(target=self._carry, args=(number, data.decode()), daemon=True).start()
            elif sender := self._senders.get(number):
                sender.put(data if kind == DATA else b"")

    def _carry(self, number: int, where: str) -> None:
        """Connect, and tell whatever comes until it is over."""
        host, _, port = where.partition(" ")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), _SECONDS) as peer:
            peer.settimeout(None)
            sender = self._senders[number] = Sender(peer)
            self._tell(OPEN, number)
            with contextlib.suppress(OSError):
                while data := peer.recv(_BLOCK):
                    self._tell(DATA, number, data)
            sender.end()
        self._senders.pop(number, None)
        self._tell(END, number)

    def _tell(self, kind: bytes, number: int, data: bytes = b"") -> None:
        with self._said:
            sys.stdout.buffer.write(FRAME.pack(kind, number, len(data)) + data)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    FarEnd().serve()
    os._exit(0)  # whoever is in the middle of saying something has nobody to say it to
