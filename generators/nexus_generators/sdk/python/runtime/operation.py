"""An operation as data: where its parameters go, how its body is written, what its answers mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar

import pydantic

T = TypeVar("T")
Kind = Literal["json", "form", "multipart", "text", "binary", "jsonl", "sse", "event", "none"]


@dataclass(frozen=True)
class Parameter:
    """A parameter on the wire."""

    name: str
    location: str
    style: str = "form"
    explode: bool = True
    json: bool = False
    reserved: bool = False


@dataclass(frozen=True)
class Body:
    """A way to write the body."""

    media: str
    kind: Kind
    json_parts: frozenset[str] = frozenset()
    part_types: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Answer:
    """What a status comes with."""

    status: str
    kind: Kind = "none"
    type: Any = None
    media: str = ""

    def rank(self, status: int) -> int:
        """How well it fits a status: exactly 3, its class 2, any 1, not at all 0."""
        said = self.status.upper()
        if said == str(status):
            return 3
        if said.endswith("XX") and said[0] == str(status)[0]:
            return 2
        return 1 if said == "DEFAULT" else 0


@dataclass(frozen=True, eq=False)
class Operation(Generic[T]):
    """One operation, which returns a T."""

    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    bodies: tuple[Body, ...] = ()
    answers: tuple[Answer, ...] = ()
    security: tuple[tuple[str, ...], ...] = ()
    server: str | None = None
    accept: str = field(default="application/json")

    def accepting(self, media: str) -> Operation[T]:
        """The same operation, asked to answer in another way."""
        return replace(self, accept=media)

    def answer(self, status: int, media: str) -> Answer | None:
        """What the document says about a status with a media type."""
        fitting = [answer for answer in self.answers if answer.rank(status)]
        best = max((answer.rank(status) for answer in fitting), default=0)
        candidates = [answer for answer in fitting if answer.rank(status) == best]
        name = media.split(";", maxsplit=1)[0].strip().lower()
        same = [a for a in candidates if a.media.split(";")[0].strip().lower() == name]
        return next(iter([*same, *candidates]), None)


@lru_cache(maxsize=4096)
def _adapter(answer: Answer) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(answer.type)


def validated(answer: Answer, content: bytes | str) -> Any:
    """JSON as the type that the answer has."""
    return _adapter(answer).validate_json(content)
