"""Answers that come bit by bit: server-sent events and JSON lines."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

import httpx2

from .errors import APIConnectionError, APITimeoutError, InvalidResponseError

T = TypeVar("T")
_DONE = "[DONE]"
_FIELDS = {"data", "event", "id", "retry"}
_LINE_ENDS = re.compile(rb"\n")
_EVENT_ENDS = re.compile(rb"\r\n|\n|\r(?!\Z)")


class Lines:
    """Puts what comes together to items: a line each, or what an event says.

    A line ends where the formats say so, which is not wherever `str.splitlines` sees an end: JSON may hold U+2028.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._ends = _LINE_ENDS if kind == "jsonl" else _EVENT_ENDS
        self._rest = b""
        self._fields: dict[str, str] = {}

    def feed(self, content: bytes) -> Iterator[str]:
        """The items that some more content completes."""
        *lines, self._rest = self._ends.split(self._rest + content)
        for line in lines:
            yield from self._line(line.decode("utf-8", "replace"))

    def rest(self) -> Iterator[str]:
        """What is left when the answer ends without an end of its last line or event."""
        yield from self._line(self._rest.decode("utf-8", "replace").rstrip("\r"))
        if self._kind != "jsonl":
            yield from self._line("")

    def _line(self, line: str) -> Iterator[str]:
        if self._kind == "jsonl":
            if text := line.strip("\x1e \r\t"):
                yield text
        elif not line:
            fields, self._fields = self._fields, {}
            if fields.get("data", _DONE) not in {"", _DONE}:
                yield _event(fields) if self._kind == "event" else fields["data"]
        else:
            name, _, value = line.removeprefix("\ufeff").partition(":")
            value = value.removeprefix(" ")
            if name == "data" and name in self._fields:
                value = f"{self._fields[name]}\n{value}"
            if name in _FIELDS:
                self._fields[name] = value


def _event(fields: dict[str, str]) -> str:
    """An event with its name and number as JSON."""
    retry = fields.get("retry", "")
    return json.dumps({**fields, "retry": int(retry)} if retry.isdecimal() else fields)


def item(data: str, parse: Callable[[str], Any]) -> Any:
    """An item in its type; text that is no JSON stays text where anything is allowed."""
    try:
        return parse(data)
    except InvalidResponseError:
        try:
            json.loads(data)
        except ValueError:
            return parse(json.dumps(data))
        raise


@contextlib.contextmanager
def _told(response: httpx2.Response) -> Iterator[None]:
    """A connection that is lost on the way is an error of this client's, as it is before the answer."""
    name = f"{response.request.method} {response.request.url.path}"
    try:
        yield
    except httpx2.TimeoutException as error:
        raise APITimeoutError(f"{name}: nothing came in time") from error
    except httpx2.TransportError as error:
        raise APIConnectionError(f"{name}: the answer ended too early: {error}") from error


def _untimed(response: httpx2.Response) -> httpx2.Response:
    """What comes after the beginning takes as long as it takes."""
    response.request.extensions.get("timeout", {})["read"] = None
    return response


class Stream(Generic[T]):
    """Items as they come; closes the connection at its end, or with `with`."""

    def __init__(self, response: httpx2.Response, parse: Callable[[str], Any], *, kind: str) -> None:
        self.response = _untimed(response)
        self._parse = parse
        self._lines = Lines(kind)

    def __iter__(self) -> Iterator[T]:
        try:
            with _told(self.response):
                for content in self.response.iter_bytes():
                    for data in self._lines.feed(content):
                        yield item(data, self._parse)
            for data in self._lines.rest():
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

    def __init__(self, response: httpx2.Response, parse: Callable[[str], Any], *, kind: str) -> None:
        self.response = _untimed(response)
        self._parse = parse
        self._lines = Lines(kind)

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            with _told(self.response):
                async for content in self.response.aiter_bytes():
                    for data in self._lines.feed(content):
                        yield item(data, self._parse)
            for data in self._lines.rest():
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
