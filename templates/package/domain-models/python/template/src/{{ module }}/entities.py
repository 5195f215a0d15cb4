"""Entities, aggregates and the events that these record."""

from __future__ import annotations

import copy
import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from .rules import check
from .values import Money, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Something that happened in the domain; a class `OrderPaid` is of the kind `order.paid`."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def kind(self) -> str:
        """The type of the event as the bus has it: what it is about, then what happened."""
        *about, what = _CAPITAL.sub(" ", type(self).__name__).lower().split()
        return f"{'-'.join(about)}.{what}" if about else what

    def data(self) -> dict[str, Any]:
        """Say as JSON what it carries, without its identifier and time."""
        own = (each.name for each in fields(self) if each.name not in {"id", "at"})
        return {name: _plain(getattr(self, name)) for name in own}


class Entity:
    """Something with an identity: equal to itself whatever changes, and to nothing of another class."""

    def __init__(self, identity: uuid.UUID | None = None) -> None:
        self.id = identity or uuid.uuid4()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Entity) and other.id == self.id

    def __hash__(self) -> int:
        return hash((type(self), self.id))


class Aggregate(Entity):
    """An entity that answers for what belongs to it: changed as a whole, by its own methods, or not at all.

    `version` counts the changes, for whoever stores it.
    """

    _KEPT: ClassVar = frozenset({"id"})

    def __init__(self, identity: uuid.UUID | None = None) -> None:
        super().__init__(identity)
        self.version = 0
        self._events: list[DomainEvent] = []

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Make a change; what raises in it, a broken rule too, leaves everything as it was."""
        before = copy.deepcopy({name: value for name, value in vars(self).items() if name not in self._KEPT})
        try:
            yield
            check(self)
        except BaseException:
            for name in set(vars(self)) - before.keys() - self._KEPT:
                delattr(self, name)
            vars(self).update(before)
            raise
        self.version += 1

    def record(self, event: DomainEvent) -> None:
        """Tell of what happened."""
        self._events.append(event)

    def pull(self) -> list[DomainEvent]:
        """Give out what has been recorded since the last time."""
        events, self._events = self._events, []
        return events


def _plain(value: Any) -> Any:  # noqa: PLR0911 - a line for each kind of value
    match value:
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case Value():
            return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        case datetime() | date():
            return value.isoformat()
        case uuid.UUID() | Decimal():
            return str(value)
        case Entity():
            return str(value.id)
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case _:
            return value
