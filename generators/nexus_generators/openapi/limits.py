"""What a schema asks of a value beyond its type: lengths, ranges, patterns, formats and listed values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Span = Literal["wider", "narrower", "other"]
_COUNTED = {"string": "Length", "array": "Items", "object": "Properties"}
_UNITS = {"string": "characters", "array": "items", "object": "fields"}
_NUMBERS = {"integer", "number"}
_OF_TYPES = {"date", "date-time", "uuid"}  # formats that are kinds of their own
_WIDER_FORMATS = {("int32", "int64"), ("float", "double")}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one value.

    `lowest` and `highest` are a number and whether it is itself excluded; `fewest` and `most` count `unit`s.
    """

    lowest: tuple[float, bool] | None = None
    highest: tuple[float, bool] | None = None
    fewest: int = 0
    most: int | None = None
    unit: str = ""
    multiple: float | None = None
    pattern: str = ""
    format: str = ""
    unique: bool = False
    values: tuple[Any, ...] = ()


NONE = Limits()


def read(schema: Mapping[str, Any], kind: str) -> Limits:
    """The limits that a schema sets for values of a type; what is no limit of that type says nothing."""
    said: dict[str, Any] = {}
    if kind in _COUNTED:
        fewest, most = (_number(schema.get(f"{end}{_COUNTED[kind]}")) for end in ("min", "max"))
        if fewest:
            said["fewest"] = int(fewest)
        if most is not None:
            said["most"] = int(most)
    if kind in _NUMBERS:
        said["lowest"], said["highest"] = _end(schema, kind, 1), _end(schema, kind, -1)
        said["multiple"] = _number(schema.get("multipleOf"))
    if kind == "string" and isinstance(schema.get("pattern"), str):
        said["pattern"] = schema["pattern"]
    form = schema.get("format")
    if kind in _NUMBERS | {"string"} and isinstance(form, str) and form not in _OF_TYPES:
        said["format"] = form
    if kind == "array" and schema.get("uniqueItems") is True:
        said["unique"] = True
    if not any(value is not None for value in said.values()):
        return NONE
    return Limits(**said, unit=_UNITS.get(kind, ""))


def differences(old: Limits, new: Limits) -> Iterator[tuple[str, str, Span]]:
    """How limits differ: the rule, what to say, and whether more values or fewer are allowed now."""
    if old == new:
        return
    yield from _ranges(old, new)
    yield from _counts(old, new)
    if old.multiple != new.multiple:
        yield "multiple", _became("a multiple of", old.multiple, new.multiple), _multiples(old, new)
    if old.pattern != new.pattern:
        said = _became("like the pattern", old.pattern, new.pattern)
        yield "pattern", said, _free(old.pattern, new.pattern)
    if old.format != new.format:
        yield "format", _became("of the format", old.format, new.format), _formats(old.format, new.format)
    if old.unique != new.unique:
        said = "no item may come twice now" if new.unique else "items may come twice now"
        yield "unique", said, "narrower" if new.unique else "wider"
    if old.values != new.values:
        yield from _listed(old.values, new.values)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _end(schema: Mapping[str, Any], kind: str, sign: int) -> tuple[float, bool] | None:
    """The lower (`sign` 1) or upper (-1) end of a range; of whole numbers always one that is included."""
    name = "Minimum" if sign > 0 else "Maximum"
    said = (_number(schema.get(name.lower())), False), (_number(schema.get(f"exclusive{name}")), True)
    ends = [(value, out) for value, out in said if value is not None]
    if not ends:
        return None
    value, out = max(ends, key=lambda end: (sign * end[0], end[1]))
    if kind == "integer":
        whole = math.ceil(value) if sign > 0 else math.floor(value)
        return (whole + sign if out and whole == value else whole), False
    return value, out


def _ranges(old: Limits, new: Limits) -> Iterator[tuple[str, str, Span]]:
    for was, now, sign in ((old.lowest, new.lowest, 1), (old.highest, new.highest, -1)):
        if was == now:
            continue
        narrower = now is not None and (was is None or (sign * now[0], now[1]) > (sign * was[0], was[1]))
        yield "range", _became("", _said(was, sign), _said(now, sign)), "narrower" if narrower else "wider"


def _counts(old: Limits, new: Limits) -> Iterator[tuple[str, str, Span]]:
    code, unit = ("length" if (new.unit or old.unit) == "characters" else "count"), new.unit or old.unit
    if old.fewest != new.fewest:
        said = f"has at least {new.fewest} {unit} now, before {old.fewest}"
        yield code, said, "narrower" if new.fewest > old.fewest else "wider"
    if old.most != new.most:
        narrower = new.most is not None and (old.most is None or new.most < old.most)
        before, after = ("any number" if end is None else end for end in (old.most, new.most))
        yield code, f"has at most {after} {unit} now, before {before}", "narrower" if narrower else "wider"


def _formats(old: str, new: str) -> Span:
    if (old, new) in _WIDER_FORMATS:
        return "wider"
    return "narrower" if (new, old) in _WIDER_FORMATS else _free(old, new)


def _multiples(old: Limits, new: Limits) -> Span:
    if old.multiple and new.multiple:
        if old.multiple % new.multiple == 0:
            return "wider"
        return "narrower" if new.multiple % old.multiple == 0 else "other"
    return _free(old.multiple, new.multiple)


def _listed(old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[tuple[str, str, Span]]:
    if not old or not new:
        said = f"only {', '.join(map(repr, new))} now" if new else "any value now, not only the listed ones"
        yield "enum", said, _free(old, new)
        return
    for value in old:
        if value not in new:
            yield "enum", f"{value!r} is gone", "narrower"
    for value in new:
        if value not in old:
            yield "enum", f"{value!r} is new", "wider"


def _free(old: object, new: object) -> Span:
    """Of a limit that is there or not; two different ones cannot be compared."""
    return "other" if old and new else "narrower" if new else "wider"


def _said(end: tuple[float, bool] | None, sign: int) -> str:
    if end is None:
        return ""
    words = ("more than", "less than") if end[1] else ("at least", "at most")
    return f"{words[sign < 0]} {end[0]:g}"


def _became(what: str, old: object, new: object) -> str:
    named = f"{what} " if what else ""
    if not new:
        return f"need not be {named}{old} any more"
    return f"must be {named}{new} now" + (f", before {old}" if old else "")
