"""Durations, sizes, numbers and names of compose files, in the forms that blueprints have for them."""

from __future__ import annotations

import re
from collections.abc import Collection

from nexus_cli.blueprint.linting.names import RESERVED

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w)")
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_LONGEST = 40


def seconds(text: str) -> float:
    """Seconds from `1m30s` and its kin; a bare number is seconds too."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def duration(value: float) -> str:
    """Seconds as a blueprint writes them."""
    return f"{value:g}s" if value >= 1 or value == 0 else f"{round(value * 1000)}ms"


def size(text: str) -> str:
    """`512m`, `1.5g` or a number of bytes as a blueprint writes it, never less."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size")
    amount = round(float(match[1]) * (1 << _POWERS[match[2].lower()]))
    for unit, power in (("Gi", 30), ("Mi", 20)):
        if amount % (1 << power) == 0:
            return f"{amount >> power}{unit}"
    return f"{-(-amount >> 10)}Ki"


def name(text: str, taken: Collection[str] = (), otherwise: str = "unit") -> str:
    """The nearest name that a blueprint may have, and that nothing else has."""
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text).lower()
    best = (
        re.sub(r"[^a-z0-9]+", "-", spelled).strip("-").lstrip("-0123456789")[:_LONGEST].rstrip("-")
        or otherwise
    )
    if best in RESERVED:
        best = f"{best}-server"
    candidate, number = best, 2
    while candidate in taken:
        tail = f"-{number}"
        candidate, number = best[: _LONGEST - len(tail)].rstrip("-") + tail, number + 1
    return candidate
