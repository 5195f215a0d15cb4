"""Lists that go on: every item of every page, fetched as it is asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .encode import plain
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
        return call.with_query(self.parameter, int(1 if present is None else present) + 1)


def _part(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    for field, info in fields_of(type(value)).items():
        if (info.validation_alias or field) == name:
            return getattr(value, field)
    return getattr(value, name, None)


class Pages(Generic[T]):
    """Iterating gives items; `pages()` gives whole answers."""

    def __init__(self, core: Core, call: Call, paging: Paging) -> None:
        self._core, self._call, self._paging = core, call, paging

    def pages(self) -> Iterator[Any]:
        """The answers, one after the other."""
        call: Call | None = self._call
        while call is not None:
            reply = self._core.reply(call)
            yield reply.data
            call = self._paging.following(call, reply, len(self._paging.items_of(reply.data)))

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from self._paging.items_of(page)


class AsyncPages(Generic[T]):
    """Iterating gives items; `pages()` gives whole answers."""

    def __init__(self, core: AsyncCore, call: Call, paging: Paging) -> None:
        self._core, self._call, self._paging = core, call, paging

    async def pages(self) -> AsyncIterator[Any]:
        """The answers, one after the other."""
        call: Call | None = self._call
        while call is not None:
            reply = await self._core.reply(call)
            yield reply.data
            call = self._paging.following(call, reply, len(self._paging.items_of(reply.data)))

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in self._paging.items_of(page):
                yield item
