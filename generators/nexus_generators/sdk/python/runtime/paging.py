"""Lists that go on: every item of every page, fetched as it is asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .encode import plain
from .errors import InvalidResponseError
from .model import fields_of

if TYPE_CHECKING:
    from .client import AsyncCore, Call, Core, Reply

T = TypeVar("T")
_NEXT = re.compile(r"<([^>]*)>\s*;[^,]*\brel=\"?next\"?", re.IGNORECASE)


@dataclass(frozen=True)
class Paging:
    """How one page leads to the next."""

    style: str
    items: tuple[str, ...] = ()
    parameter: str = ""
    next: tuple[str, ...] = ()
    first: int = 1

    def items_of(self, page: Any) -> list[Any]:
        """The items of a page, in their types."""
        for name in self.items:
            page = _part(page, name)
            if page is None:
                return []
        return list(page)

    def following(self, call: Call, reply: Reply[Any], count: int) -> Call | None:
        """The call for the next page; nothing at the end."""
        if self.style == "link":
            found = _NEXT.search(reply.headers.get("link", ""))
            return call.at(found[1]) if found else None
        if self.style in {"cursor", "url"}:
            value: Any = plain(reply.data)
            for name in self.next:
                value = value.get(name) if isinstance(value, dict) else None
            if value is None or value == "":
                return None
            return call.at(str(value)) if self.style == "url" else call.with_query(self.parameter, value)
        if not count:
            return None
        present = call.given.get(("query", self.parameter))
        if self.style == "offset":
            return call.with_query(self.parameter, int(present or 0) + count)
        return call.with_query(self.parameter, int(self.first if present is None else present) + 1)

    def place(self, call: Call) -> str:
        """Where a page is, as the server knows it."""
        return call.url or str(call.given.get(("query", self.parameter)))


def _part(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    for field, info in fields_of(type(value)).items():
        if (info.validation_alias or field) == name:
            return getattr(value, field)
    return getattr(value, name, None)


class _Walk:
    """The way from page to page; one that leads to where it was before would never end."""

    def __init__(self, call: Call, paging: Paging) -> None:
        self.call: Call | None = call
        self._paging = paging
        self._seen = {paging.place(call)}
        self._last = b""

    def go_on(self, call: Call, reply: Reply[Any]) -> None:
        """Turn to the next page."""
        items = self._paging.items_of(reply.data)
        self.call = self._paging.following(call, reply, len(items))
        if self.call is None:
            return
        place = self._paging.place(self.call)
        counted = self._paging.style in {"offset", "page"} and not isinstance(items[0], str | int | float)
        if place in self._seen or (counted and reply.content == self._last):
            raise InvalidResponseError(
                f"{call.operation.method} {call.operation.path}: the next page is one that was read before "
                f"({place[:200]}): the list would never end",
                status=reply.status,
                content=reply.content,
            )
        self._seen.add(place)
        self._last = reply.content


class Pages(Generic[T]):
    """Iterating gives items; `pages()` gives whole answers."""

    def __init__(self, core: Core, call: Call, paging: Paging) -> None:
        self._core, self._call, self._paging = core, call, paging

    def pages(self) -> Iterator[Any]:
        """The answers, one after the other."""
        walk = _Walk(self._call, self._paging)
        while (call := walk.call) is not None:
            reply = self._core.reply(call)
            yield reply.data
            walk.go_on(call, reply)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from self._paging.items_of(page)


class AsyncPages(Generic[T]):
    """Iterating gives items; `pages()` gives whole answers."""

    def __init__(self, core: AsyncCore, call: Call, paging: Paging) -> None:
        self._core, self._call, self._paging = core, call, paging

    async def pages(self) -> AsyncIterator[Any]:
        """The answers, one after the other."""
        walk = _Walk(self._call, self._paging)
        while (call := walk.call) is not None:
            reply = await self._core.reply(call)
            yield reply.data
            walk.go_on(call, reply)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in self._paging.items_of(page):
                yield item
