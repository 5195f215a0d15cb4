"""Stands between a unit and what it uses, as a program of its own: hands on what both say, as late as told.

`python detour.py FAULT '[[host, port, to_host, to_port], …]'`; FAULT is a JSON file that may change at any
time: `delay` and `jitter` in seconds, `loss` from 0 to 1, `partition`, and `until` (seconds since the epoch)
when all that is over by itself. It stands alone, so that it runs in any container that has Python 3.11.

A lost packet is what TCP makes of it: the bytes come later, after a wait that doubles with each further loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from typing import Any

_LOOK = 0.05  # seconds between looks at the file
_CHUNK = 1 << 14
_WAITING = 64  # chunks under way in one direction of a connection: then the sender feels it
_SEGMENT = 1460  # bytes of a packet
_FIRST_WAIT, _WAITS = 0.2, 6  # seconds until the first repetition of a lost packet, and how often it doubles


class Fault:
    """What is wrong with the way now, as the file says."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.looked = 0.0
        self.seen: tuple[int, int] | None = None
        self.said: dict[str, Any] = {}

    def get(self, name: str) -> float:
        """A number of the file; 0 where it says nothing, or its time is over."""
        now = time.monotonic()
        if now >= self.looked + _LOOK:
            self.looked = now
            self._read()
        until = self.said.get("until")
        return 0.0 if until is not None and time.time() > until else float(self.said.get(name, 0.0))

    def late(self, size: int) -> float:
        """By how many seconds so many bytes come later."""
        late = self.get("delay") + self.get("jitter") * random.uniform(-1, 1)  # noqa: S311 - no secret
        loss = self.get("loss")
        for _ in range(1 + size // _SEGMENT if loss else 0):
            wait = _FIRST_WAIT
            for _ in range(_WAITS):
                if random.random() >= loss:  # noqa: S311
                    break
                late += wait
                wait *= 2
        return max(0.0, late)

    async def passable(self) -> None:
        """Wait until there is a way at all."""
        while self.get("partition"):  # noqa: ASYNC110 - a file says no word when it changes
            await asyncio.sleep(_LOOK)

    def _read(self) -> None:
        try:
            found = os.stat(self.path)  # noqa: PTH116
            if (found.st_mtime_ns, found.st_ino) != self.seen:
                with open(self.path, encoding="utf-8") as stream:  # noqa: PTH123
                    self.said = json.load(stream)
                self.seen = (found.st_mtime_ns, found.st_ino)
        except (OSError, ValueError):
            return  # it is being replaced: what it said last still holds


async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
    """Hand on what one side says until it has said all, in order."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING)

    async def deliver() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await fault.passable()
            if not data:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    delivery = asyncio.ensure_future(deliver())
    due = 0.0
    try:
        while data := await reader.read(_CHUNK):
            due = max(due, time.monotonic() + fault.late(len(data)))
            await under_way.put((due, data))
            if delivery.done():
                break
        await under_way.put((due, b""))
        await delivery
    finally:
        delivery.cancel()


async def connect(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int], fault: Fault
) -> None:
    """Lead one connection to its target; a target that refuses is passed on as a reset."""
    try:
        await fault.passable()
        other_reader, other_writer = await asyncio.open_connection(*target)
    except OSError:
        writer.transport.abort()
        return
    ways = [
        asyncio.ensure_future(hand_on(reader, other_writer, fault)),
        asyncio.ensure_future(hand_on(other_reader, writer, fault)),
    ]
    try:
        await asyncio.gather(*ways)
    except OSError:
        writer.transport.abort()
        other_writer.transport.abort()
    finally:
        for way in ways:
            way.cancel()
        for each in (writer, other_writer):
            each.close()


async def main(path: str, ways: list[list[Any]]) -> None:
    """Listen until ended."""
    fault = Fault(path)
    servers = []
    for host, port, to_host, to_port in ways:

        async def accept(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            target: tuple[str, int] = (to_host, to_port),
        ) -> None:
            await connect(reader, writer, target, fault)

        servers.append(await asyncio.start_server(accept, host, port, backlog=1024))
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
