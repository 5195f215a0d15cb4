"""Reads the logs of units: several units and rotated files as one stream in time order."""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from nexus_cli.engine.logfile import SUFFIX, paths
from nexus_cli.unit import LogLine

POLL = 0.05  # seconds between two looks at files that are followed
_BLOCK = 1 << 16


def read(
    folder: Path,
    names: Sequence[str] = (),
    *,
    since: float | None = None,
    tail: int | None = None,
    follow: bool = False,
) -> Iterator[LogLine]:
    """Lines of the named units (all when empty), the oldest first, at one time in the order of the units.

    `since` is in seconds since the epoch, `tail` keeps the last lines of all units together.
    """
    logs: dict[str, UnitLog] = {}
    try:
        _join(logs, folder, names)
        first = heapq.merge(*(log.history(since, tail) for log in logs.values()), key=_when)
        if tail is None:
            yield from first
        else:
            kept = list(first)
            yield from kept[max(0, len(kept) - tail) :]
        while follow:
            _join(logs, folder, names)
            yield from sorted((line for log in logs.values() for line in log.more()), key=_when)
            time.sleep(POLL)
    finally:
        for log in logs.values():
            log.close()


def _when(line: LogLine) -> float:
    return line.time


def _join(logs: dict[str, UnitLog], folder: Path, names: Sequence[str]) -> None:
    for name in names or sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")):
        if name not in logs:
            logs[name] = UnitLog(folder, name)


class UnitLog:
    """One unit's log while it is read. The open file keeps its place when the writer rotates."""

    def __init__(self, folder: Path, unit: str) -> None:
        self.paths = paths(str(folder), unit)
        self.unit = unit
        self.file: BinaryIO | None = None

    def history(self, since: float | None, tail: int | None) -> Iterator[LogLine]:
        """The lines that are there now; afterwards `more` goes on behind them."""
        files = self._open_all()
        if not files:
            return
        self.file = files[-1]
        with contextlib.ExitStack() as stack:
            for file in files[:-1]:
                stack.callback(file.close)
            if tail is not None:
                _seek_tail(files, tail)
            for file in files:
                if since is not None:
                    _seek_time(file, since)
                yield from (line for line in self._lines(file) if since is None or line.time >= since)

    def more(self) -> Iterator[LogLine]:
        """The lines that came since, through as many rotations as there were."""
        while True:
            if self.file is not None:
                yield from self._lines(self.file)
            newer = self._newer()
            if newer is None:
                return
            if self.file is not None:
                yield from self._lines(self.file)  # written between our last look and the rotation
                self.file.close()
            self.file = newer

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()

    def _open_all(self) -> list[BinaryIO]:
        """Every file, the oldest first; a rotation while they are opened neither hides nor doubles one."""
        found: dict[int, BinaryIO] = {}
        for path in self.paths:
            with contextlib.suppress(FileNotFoundError):
                file = open(path, "rb")  # noqa: SIM115, PTH123
                if found.setdefault(_inode(file), file) is not file:
                    file.close()
        return list(reversed(found.values()))

    def _newer(self) -> BinaryIO | None:
        """The file that was begun after the one that is open, if any."""
        files = self._open_all()
        inodes = [_inode(file) for file in files]
        here = -1 if self.file is None else _inode(self.file)
        place = inodes.index(here) + 1 if here in inodes else 0
        for index, file in enumerate(files):
            if index != place:
                file.close()
        return files[place] if place < len(files) else None

    def _lines(self, file: BinaryIO) -> Iterator[LogLine]:
        while True:
            place = file.tell()
            raw = file.readline()
            if not raw.endswith(b"\n"):
                file.seek(place)  # not written to its end yet
                return
            line = _parse(self.unit, raw)
            if line is not None:
                yield line


def _parse(unit: str, raw: bytes) -> LogLine | None:
    when, _, rest = raw.decode("utf-8", "replace").removesuffix("\n").partition(" ")
    stream, _, text = rest.partition(" ")
    try:
        return LogLine(float(when), unit, stream, text)
    except ValueError:
        return None


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


def _seek_tail(files: Sequence[BinaryIO], lines: int) -> None:
    """Place the files (the oldest first) so that what follows has that many lines; reads from the end."""
    missing = lines
    for file in reversed(files):
        place = file.seek(0, os.SEEK_END)
        wanted = missing + 1  # the end of the line before the first
        while place > 0 and wanted > 0:
            start = max(0, place - _BLOCK)
            file.seek(start)
            block = file.read(place - start)
            place = start
            count = block.count(b"\n")
            if count < wanted:
                wanted -= count
                continue
            at = len(block)
            for _ in range(wanted):
                at = block.rindex(b"\n", 0, at)
            file.seek(start + at + 1)
            missing = wanted = 0
        if wanted:
            missing = wanted - 1
            file.seek(0)


def _seek_time(file: BinaryIO, since: float) -> None:
    """Skip to about the first line of that time by halving, but never back behind the present place."""
    low, high = file.tell(), os.fstat(file.fileno()).st_size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        line = _parse("", file.readline())
        if line is None or line.time >= since:
            high = middle
        else:
            low = middle
    file.seek(low)
    if low:
        file.seek(low - 1)
        file.readline()
