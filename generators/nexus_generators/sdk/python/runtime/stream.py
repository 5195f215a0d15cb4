"""Answers that come bit by bit: server-sent events and JSON lines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

import httpx2

T = TypeVar("T")
_DONE = "[DONE]"


class Lines:
    """Puts lines together to items: a line each, or the `data` of an event."""

    def __init__(self, *, events: bool) -> None:
        self._events = events
        self._data: list[str] = []

    def feed(self, line: str) -> str | None:
        """The item that a line completes."""
        if not self._events:
            return line.strip("\x1e \r\n") or None
        if not line.strip("\r\n"):
            data, self._data = "\n".join(self._data), []
            return data if data and data != _DONE else None
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" ").rstrip("\r\n"))
        return None

    def rest(self) -> str | None:
        """What is left when the answer ends without an empty line."""
        return self.feed("") if self._events else None


def item(data: str, parse: Callable[[str], Any]) -> Any:
    """An item in its type; text that is no JSON stays text where anything is allowed."""
    try:
        return parse(data)
    except ValueError:
        try:
            json.loads(data)
        except ValueError:
            return parse(json.dumps(data))
        raise


class Stream(Generic[T]):
    """Items as they come; closes the connection at its end, or with `with`."""

    def __init__(self, response: httpx2.Response, parse: Callable[[str], Any], *, events: bool) -> None:
        self.response = response
        self._parse = parse
        self._lines = Lines(events=events)

    def __iter__(self) -> Iterator[T]:
        try:
            for line in self.response.iter_lines():
                data = self._lines.feed(line)
                if data is not None:
                    yield item(data, self._parse)
            data = self._lines.rest()
            if data is not None:
                yield item(data, self._parse)
        finally:
            self.close()

    def close(self) -> None:
        """End it early."""
        self.response.close()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(Generic[T]):
    """Items as they come; closes the connection at its end, or with `async with`."""

    def __init__(self, response: httpx2.Response, parse: Callable[[str], Any], *, events: bool) -> None:
        self.response = response
        self._parse = parse
        self._lines = Lines(events=events)

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            async for line in self.response.aiter_lines():
                data = self._lines.feed(line)
                if data is not None:
                    yield item(data, self._parse)
            data = self._lines.rest()
            if data is not None:
                yield item(data, self._parse)
        finally:
            await self.close()

    async def close(self) -> None:
        """End it early."""
        await self.response.aclose()

    async def __aenter__(self) -> AsyncStream[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
