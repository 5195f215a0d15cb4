"""The small written forms inside blueprints: durations, rates, sizes and field types."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE = re.compile(r"(\d+)\s*/\s*(s|m|h)")
_SIZE = re.compile(r"(\d+)\s*(Ki|Mi|Gi)")
_BYTES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def parse_duration(value: Any) -> float:
    """Seconds from `300ms`, `5s`, `2m`, `1h` or `1d`."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a duration such as 300ms, 5s or 2m, got {value!r}")
    return float(match[1]) * _SECONDS[match[2]]


def parse_rate(value: Any) -> float:
    """Events per second from `100/s`, `30/m` or `5/h`."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f"expected a rate such as 100/s or 30/m, got {value!r}")
    return int(match[1]) / _SECONDS[match[2]]


def parse_size(value: Any) -> int:
    """Bytes from `256Mi` or `1Gi`."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f"expected a size such as 256Mi or 1Gi, got {value!r}")
    return int(match[1]) * _BYTES[match[2]]


def _written(pattern: re.Pattern[str], *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$", "examples": list(examples)})


Duration = Annotated[float, BeforeValidator(parse_duration), _written(_DURATION, "300ms", "5s", "2m")]
Rate = Annotated[float, BeforeValidator(parse_rate), _written(_RATE, "100/s", "30/m")]
Size = Annotated[int, BeforeValidator(parse_size), _written(_SIZE, "256Mi", "1Gi")]

_MOMENT = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):[0-5]\d"
FREEZE_PATTERN = rf"^{_MOMENT} - {_MOMENT}( [A-Za-z_]+(/[A-Za-z_]+)*)?$"
"""A part of every week, in UTC or another zone: `Fri 16:00 - Mon 07:00 Europe/Berlin`."""

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
EnvName = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=80)]
ImageEnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=200)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=120)]
EventName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+$", max_length=120)]
RoleName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]*$", max_length=120)]
Port = Annotated[int, Field(ge=1, le=65535)]
Path_ = Annotated[str, Field(pattern=r"^/\S*$", max_length=200)]
