"""Takes what others need, until it is ended or its time is over: cores, memory or the space of a folder.

`python pressure.py SECONDS cpu CORES | memory BYTES | disk FOLDER`. It stands alone, so that it runs in any
container that has Python 3.11.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_PIECE = 1 << 22
_PAGE = 4096
_FILE = ".nexus-fills-the-disk"


def cpu(cores: int, end: float) -> None:
    """Keep so many cores busy, each by a process that ends with its time."""
    for _ in range(cores - 1):
        if os.fork() == 0:
            break
    while time.monotonic() < end:
        pass


def memory(size: int, end: float) -> None:
    """Hold so many bytes, every page of them written to."""
    held = []
    while size > 0 and time.monotonic() < end:
        piece = bytearray(min(_PIECE, size))
        piece[::_PAGE] = b"x" * len(piece[::_PAGE])
        held.append(piece)
        size -= len(piece)
    time.sleep(max(0.0, end - time.monotonic()))


def disk(folder: str, end: float) -> None:
    """Fill the file system that a folder is on, and keep it full; it is as before when this ends."""
    path = f"{folder}/{_FILE}"
    try:
        with open(path, "wb", buffering=0) as stream:  # noqa: PTH123 - little is imported
            piece = b"\0" * _PIECE
            while time.monotonic() < end:
                try:
                    stream.write(piece)
                except OSError:
                    if len(piece) > _PAGE:
                        piece = piece[: len(piece) // 2]
                    else:
                        time.sleep(0.05)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108


def main(seconds: float, what: str, how: str) -> None:
    """Take what was asked for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    end = time.monotonic() + seconds
    if what == "cpu":
        cpu(int(how), end)
    elif what == "memory":
        memory(int(how), end)
    else:
        disk(how, end)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], sys.argv[3])
