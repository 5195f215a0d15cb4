"""What is stored: events as they are written, and as they are read."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

ANY: Final = -1
"""The expected version of a stream that may have any."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that has happened; written again with the same identifier, it is stored once."""

    type: str
    data: Any
    metadata: dict[str, Any] = field(default_factory=dict)
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored event: `version` counts in its stream from one, `position` orders all of them.

    Positions have gaps in SQL's databases, and none on MongoDB.
    """

    position: int
    stream: str
    version: int
    id: uuid.UUID
    type: str
    data: Any
    metadata: dict[str, Any]
    at: datetime


class WrongVersionError(Exception):
    """Somebody else has written to the stream since it was read: read it again, and decide anew."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        super().__init__(f"{stream} is at version {found}, not {expected}")
        self.stream, self.expected, self.found = stream, expected, found
