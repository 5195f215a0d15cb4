"""Logs of units: lines with their time of arrival in rotated files, read merged in time order."""

from __future__ import annotations

import heapq
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nexus_cli.unit import LogLine

MAX_BYTES = 10 << 20
KEEP = 3
MAX_LINE = 16 << 10
_BLOCK = 1 << 16
_POLL = 0.05
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127) if code != 9}  # noqa: PLR2004 - a tab may stay
_STREAMS = {"o": "out", "e": "err"}


class LogWriter:
    """Appends lines to a unit's file and rotates it when it is full."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.file = os.fdopen(descriptor, "ab", buffering=0)
        self.size = self.file.tell() or self.path.stat().st_size

    def write(self, stream: str, line: bytes) -> None:
        """Keep one line: control characters are escaped, what is not UTF-8 replaced, the overlong cut."""
        cut = " [cut]" if len(line) > MAX_LINE else ""
        text = line[:MAX_LINE].decode(errors="replace").translate(_CONTROL) + cut
        data = f"{time.time():.6f} {stream} {text}\n".encode()
        try:
            if self.size + len(data) > MAX_BYTES:
                self._rotate()
            self.file.write(data)
            self.size += len(data)
        except OSError:
            return  # a full disk must not stop the unit that prints

    def _rotate(self) -> None:
        self.file.close()
        for number in range(KEEP - 1, 0, -1):
            older = rotated(self.path, number - 1)
            if older.exists():
                older.replace(rotated(self.path, number))
        self._open()

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def rotated(path: Path, number: int) -> Path:
    """The file of that age: 0 is the one that is written."""
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def read(
    folder: Path, units: Sequence[str], *, since: float | None, tail: int | None, follow: bool
) -> Iterator[LogLine]:
    """Lines of the units in time order, then with `follow` what comes, until interrupted."""
    places = {unit: _end(folder / f"{unit}.log") for unit in units} if follow else {}
    merged: Iterable[LogLine] = heapq.merge(
        *(_unit(folder / f"{unit}.log", unit, since, tail) for unit in units), key=lambda line: line.time
    )
    yield from merged if tail is None else deque(merged, maxlen=tail)
    if follow:
        yield from _follow(folder, places)


def _unit(path: Path, unit: str, since: float | None, tail: int | None) -> Iterable[LogLine]:
    files = [rotated(path, number) for number in range(KEEP - 1, -1, -1)]
    if tail is None:
        lines = (line for file in files for line in _lines(file))
    else:
        lines = iter(_last(files, tail))
    parsed = (found for line in lines if (found := _parse(unit, line)) is not None)
    return (line for line in parsed if since is None or line.time >= since)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from stream
    except FileNotFoundError:
        return


def _last(files: Sequence[Path], count: int) -> list[bytes]:
    """The last lines of the files together, read from their ends."""
    found: list[bytes] = []
    for path in reversed(files):
        missing = count - len(found)
        if missing <= 0:
            break
        found = _tail(path, missing) + found
    return found


def _tail(path: Path, count: int) -> list[bytes]:
    try:
        with path.open("rb") as stream:
            position = stream.seek(0, os.SEEK_END)
            data = b""
            while position > 0 and data.count(b"\n") <= count:
                step = min(_BLOCK, position)
                position -= step
                stream.seek(position)
                data = stream.read(step) + data
    except FileNotFoundError:
        return []
    return data.splitlines(keepends=True)[-count:] if count else []


def _parse(unit: str, line: bytes) -> LogLine | None:
    try:
        moment, stream, text = line.decode(errors="replace").rstrip("\n").split(" ", 2)
        return LogLine(float(moment), unit, _STREAMS[stream], text)
    except (ValueError, KeyError):
        return None


def _end(path: Path) -> tuple[int, int]:
    """A place in a log: the file's inode and an offset."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_ino, status.st_size


def _follow(folder: Path, places: dict[str, tuple[int, int]]) -> Iterator[LogLine]:
    while True:
        fresh: list[LogLine] = []
        for unit, place in places.items():
            places[unit], lines = _news(folder / f"{unit}.log", place)
            fresh.extend(found for line in lines if (found := _parse(unit, line)) is not None)
        yield from sorted(fresh, key=lambda line: line.time)
        if not fresh:
            time.sleep(_POLL)


def _news(path: Path, place: tuple[int, int]) -> tuple[tuple[int, int], list[bytes]]:
    """The whole lines written after a place, those of a file rotated away meanwhile included."""
    inode, offset = place
    current, size = _end(path)
    if current == inode and size == offset:
        return place, []
    lines: list[bytes] = []
    if inode and current != inode:
        older = next((f for n in range(1, KEEP) if _end(f := rotated(path, n))[0] == inode), None)
        if older is not None:
            lines.extend(_after(older, offset)[0])
        offset = 0
    news, offset = _after(path, offset)
    return (current, offset), lines + news


def _after(path: Path, offset: int) -> tuple[list[bytes], int]:
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], 0
    whole = data[: data.rfind(b"\n") + 1]
    return whole.splitlines(keepends=True), offset + len(whole)
