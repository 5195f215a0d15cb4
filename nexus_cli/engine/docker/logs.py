"""What containers printed, as the engine keeps it, and as it is kept here when a container goes."""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.engine import logs as kept
from nexus_cli.engine.docker.client import EngineUnreachable, NotFound, log_frames, translated
from nexus_cli.engine.logfile import LineSplitter, LogWriter
from nexus_cli.errors import NexusError
from nexus_cli.unit import LogLine
from nexus_cli.workspace import private_folder

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

POLL = 0.25  # seconds between two looks for containers that are new
_MOST_KEPT = 20_000

Containers = Callable[[], Mapping[str, str]]
"""The containers of the units whose logs are read: id -> unit, as they are now."""


def read(
    client: DockerClient, folder: Path, names: Sequence[str], containers: Containers, since: float | None
) -> Iterator[LogLine]:
    """Lines of the named units in time order: first what is kept, then what their containers printed."""
    sources: list[Iterable[LogLine]] = [kept.read(folder, names, since=since)]
    for container, unit in containers().items():
        begin = _after(folder, unit, since)
        sources.append(_ended(printed(client, container, unit, since=begin)))
    return heapq.merge(*sources, key=lambda line: line.time)


def follow(client: DockerClient, containers: Containers, since: float) -> Iterator[LogLine]:
    """Lines as they are printed from `since` on, by containers that come later too, until interrupted."""
    lines: queue.SimpleQueue[LogLine] = queue.SimpleQueue()
    known: set[str] = set()

    def attend(container: str, unit: str) -> None:
        for line in _ended(printed(client, container, unit, since=since, follow=True)):
            lines.put(line)

    while True:
        for container, unit in containers().items():
            if container not in known:
                known.add(container)
                threading.Thread(target=attend, args=(container, unit), daemon=True).start()
        try:
            yield lines.get(timeout=POLL)
            while not lines.empty():
                yield lines.get()
        except queue.Empty:
            pass


def keep(client: DockerClient, folder: Path, container: str, unit: str) -> None:
    """Copy what a container printed to the unit's log file, once however often it is called."""
    last = _after(folder, unit, None)
    lines = list(_ended(printed(client, container, unit, since=last, tail=_MOST_KEPT)))
    if not lines:
        return
    private_folder(folder)
    writer = LogWriter(str(folder), unit)
    try:
        writer.copy((line.time, line.stream, line.text) for line in sorted(lines, key=lambda line: line.time))
    except OSError as error:
        raise NexusError(f"cannot keep the log of {unit}: {error.strerror}") from error
    finally:
        writer.close()


def printed(
    client: DockerClient,
    container: str,
    unit: str,
    *,
    since: float | None = None,
    tail: int | None = None,
    follow: bool = False,
) -> Iterator[LogLine]:
    """Lines that one container printed after `since`, in the order of their arrival."""
    parameters: dict[str, object] = {"follow": int(follow), "tail": "all" if tail is None else tail}
    if since is not None:
        parameters["since"] = f"{since:.6f}"
    for stream, text in _texts(log_frames(client, container, **parameters)):
        line = _line(unit, stream, text)
        if since is None or line.time > since:
            yield line


def _texts(frames: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    """The lines of a container's streams, the last one of each even without its end."""
    splitters = {"out": LineSplitter(), "err": LineSplitter()}
    for stream, data in frames:
        yield from ((stream, text) for text in splitters[stream].feed(data))
    for stream, splitter in splitters.items():
        yield from ((stream, text) for text in splitter.end())


def _line(unit: str, stream: str, text: str) -> LogLine:
    stamp, _, rest = text.partition(" ")
    try:
        when = datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return LogLine(0.0, unit, stream, text)
    return LogLine(round(when, 6), unit, stream, rest)


def _after(folder: Path, unit: str, since: float | None) -> float | None:
    """The time of the last line that is kept, or `since` if that is later."""
    last = next((line.time for line in kept.read(folder, [unit], tail=1)), None)
    return max((moment for moment in (last, since) if moment is not None), default=None)


def _ended(lines: Iterator[LogLine]) -> Iterator[LogLine]:
    """The lines until the container or the engine is gone."""
    try:
        with translated():
            yield from lines
    except (NotFound, EngineUnreachable):
        return
