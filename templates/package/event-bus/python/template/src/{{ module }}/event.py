"""What travels: a CloudEvent."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `trace` is the W3C context of what caused it."""

    id: str
    type: str
    source: str
    time: datetime
    data: Any
    trace: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, data: Any, *, source: str, trace: dict[str, str] | None = None) -> Event:
        """Say what happened just now."""
        return cls(str(uuid.uuid4()), kind, source, datetime.now(UTC), data, trace or {})

    def dump(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(
            {
                "specversion": "1.0",
                "id": self.id,
                "type": self.type,
                "source": self.source,
                "time": self.time.isoformat(),
                "datacontenttype": "application/json",
                "data": self.data,
                **self.trace,
            },
            ensure_ascii=False,
        ).encode()

    @classmethod
    def load(cls, raw: bytes | str) -> Event:
        """Read it; a ValueError says that it is none."""
        found = json.loads(raw)
        try:
            return cls(
                found["id"],
                found["type"],
                found["source"],
                datetime.fromisoformat(found["time"]),
                found["data"],
                {key: found[key] for key in ("traceparent", "tracestate") if key in found},
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an event: {error}") from error
