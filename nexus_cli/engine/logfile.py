"""A unit's log on the disk: lines `<seconds since the epoch> <out|err> <text>` in rotated files."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable

SUFFIX = ".log"
MAX_BYTES = 10 << 20
MAX_FILES = 3
MAX_LINE = 16 << 10
CUT = f" [cut: longer than {MAX_LINE >> 10} KiB]"

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def paths(folder: str, unit: str) -> list[str]:
    """The files of a unit's log, the newest first; not all of them exist."""
    newest = f"{folder}/{unit}{SUFFIX}"
    return [newest, *(f"{newest}.{number}" for number in range(1, MAX_FILES))]


def printable(line: bytes) -> str:
    """A line as safe text: what is not UTF-8 is replaced, control characters are escaped."""
    text = line.decode("utf-8", "replace").removesuffix("\r")
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class LogWriter:
    """Appends to a unit's log. A full disk loses lines, says so later, and never stops the unit."""

    def __init__(self, folder: str, unit: str, *, max_bytes: int = MAX_BYTES) -> None:
        self.paths = paths(folder, unit)
        self.max_bytes = max_bytes
        self.lost = 0
        self.descriptor = -1
        self.size = 0

    def write(self, stream: str, lines: list[str]) -> None:
        """Append lines that arrived now; each entry is one line."""
        start = f"{time.time():.6f} {stream} "
        if self.lost:
            lines = [f"[nexus] {self.lost} lines were lost: the disk was full", *lines]
        data = "".join(f"{start}{line}\n" for line in lines).encode()
        try:
            self._append(data)
            self.lost = 0
        except OSError:
            self.lost += len(lines) - bool(self.lost)

    def copy(self, lines: Iterable[tuple[float, str, str]]) -> None:
        """Append lines that arrived earlier, as (time, stream, text) in time order."""
        for when, stream, text in lines:
            self._append(f"{when:.6f} {stream} {text}\n".encode())

    def close(self) -> None:
        """Let go of the file."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _append(self, data: bytes) -> None:
        if self.descriptor < 0:
            self._open()
        elif self.size + len(data) > self.max_bytes and self.size:
            self._rotate()
        written = os.write(self.descriptor, data)
        if written < len(data):  # all or nothing, so that no half line is left
            os.ftruncate(self.descriptor, self.size)
            raise OSError
        self.size += written

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self.descriptor = os.open(self.paths[0], flags, 0o600)
        self.size = os.fstat(self.descriptor).st_size

    def _rotate(self) -> None:
        self.close()
        for older, newer in zip(self.paths[:0:-1], self.paths[-2::-1], strict=True):
            if os.path.exists(newer):  # noqa: PTH110 - pathlib is slow to load
                os.rename(newer, older)  # noqa: PTH104
        self._open()


class LineSplitter:
    """Cuts what a program prints into lines, however it arrives."""

    def __init__(self) -> None:
        self.rest = b""
        self.skipping = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now; one that is too long is cut, with a mark, and its rest dropped."""
        *complete, self.rest = (self.rest + data).split(b"\n")
        lines: list[str] = []
        for line in complete:
            if self.skipping:
                self.skipping = False
            else:
                lines.append(self._text(line))
        if self.skipping:
            self.rest = b""
        elif len(self.rest) > MAX_LINE:
            lines.append(self._text(self.rest))
            self.rest, self.skipping = b"", True
        return lines

    def end(self) -> list[str]:
        """What was printed last without a line end."""
        line, self.rest = self.rest, b""
        return [self._text(line)] if line and not self.skipping else []

    @staticmethod
    def _text(line: bytes) -> str:
        return printable(line) if len(line) <= MAX_LINE else printable(line[:MAX_LINE]) + CUT
