"""Values that a schema allows: for examples, for tests, and for calling every operation once."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from nexus_generators.openapi.direction import MARK
from nexus_generators.openapi.document import Document

_codes: Any = importlib.import_module("re._constants")  # what a parsed pattern consists of
_parser: Any = importlib.import_module("re._parser")

Valid = Callable[[Mapping[str, Any], Any], bool]
"""Whether a schema allows a value."""

_FORMATS = {
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:30:45Z",
    "time": "12:30:45Z",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "uri": "https://example.com/a",
    "url": "https://example.com/a",
    "uri-reference": "/a",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "YWJj",
    "binary": "bytes",
    "duration": "PT1S",
}
_ANY_FORMAT = {"type", "format", "description", "title", "nullable", "default", "example", "examples"}
_FULL_DEPTH = 4
_DEEPEST = 14
_LIST_MOST = 40


class Unsatisfiable(Exception):
    """No value could be found that the schema allows."""


class Sampler:
    """Makes values; `reading` is for answers, which have no write-only properties, else for requests."""

    def __init__(self, document: Document, valid: Valid, *, reading: bool, full: bool = True) -> None:
        self._document = document
        self._valid = valid
        self._skipped = "writeOnly" if reading else "readOnly"
        self._full = full

    def of(self, schema: Any, depth: int = 0, number: int = 0) -> Any:
        """A value for a schema; `number` makes the values of a list differ."""
        if not isinstance(schema, dict) or not schema:
            return f"any{number or ''}"
        if depth > _DEEPEST:
            raise Unsatisfiable("it holds itself without end")
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            target = self._document.resolve(schema["$ref"])
            return self.of(self._merged([target, rest]) if rest else target, depth + 1, number)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            values = [value for value in schema["enum"] if value is not None] or [None]
            fitting = [value for value in values if self._valid(schema, value)] or values
            return fitting[number % len(fitting)]
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.of(self._merged([*schema["allOf"], rest]), depth, number)
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self._one_of(schema, key, depth, number)
        return self._plain(schema, depth, number)

    def _one_of(self, schema: Mapping[str, Any], key: str, depth: int, number: int) -> Any:
        rest = {k: v for k, v in schema.items() if k not in {key, "discriminator"}}
        found: list[Any] = []
        options = [o for o in schema[key] if isinstance(o, dict)]
        for option in sorted(options, key=lambda o: o.get("type") == "null"):
            try:
                value = self.of(self._merged([option, rest]) if rest else option, depth + 1, number)
            except Unsatisfiable:
                continue
            value = self._told(schema, option, value)
            if self._valid(schema, value):
                return value
            found.append(value)
        if not found:
            raise Unsatisfiable(f"no choice of {key} has a value")
        return found[0]

    def _told(self, schema: Mapping[str, Any], option: Mapping[str, Any], value: Any) -> Any:
        """The value with the discriminator that leads to its schema."""
        said = schema.get("discriminator")
        name = said.get("propertyName") if isinstance(said, dict) else None
        ref = option.get("$ref")
        if not isinstance(name, str) or not isinstance(value, dict) or not isinstance(ref, str):
            return value
        mapping = said.get("mapping") if isinstance(said, dict) else None
        pairs = mapping.items() if isinstance(mapping, dict) else ()
        last = ref.rsplit("/", 1)[-1]
        wanted = next((k for k, target in pairs if target in {ref, last}), last)
        changed = {**value, name: wanted}
        return changed if self._valid(option, changed) else value

    def _merged(self, parts: list[Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in parts:
            flat = part
            steps = 0
            while isinstance(flat, dict) and "$ref" in flat and steps < 50:  # noqa: PLR2004
                target = self._document.resolve(flat["$ref"])
                rest = {key: value for key, value in flat.items() if key != "$ref"}
                flat, steps = {**target, **rest} if isinstance(target, dict) else rest, steps + 1
                if rest and isinstance(target, dict) and (target.keys() & rest.keys() - {"description"}):
                    flat = {"allOf": [target, rest]}
            if not isinstance(flat, dict):
                continue
            if "allOf" in flat:
                others = {key: value for key, value in flat.items() if key != "allOf"}
                flat = self._merged([*flat["allOf"], others])
            merged = _both(merged, flat)
        return merged

    def _plain(self, schema: Mapping[str, Any], depth: int, number: int) -> Any:
        said = schema.get("type")
        kinds = [kind for kind in said if kind != "null"] if isinstance(said, list) else [said]
        kind = kinds[0] if kinds else "null"
        if kind is None:
            if {"properties", "additionalProperties", "required", "patternProperties"} & schema.keys():
                kind = "object"
            elif {"items", "prefixItems"} & schema.keys():
                kind = "array"
            else:
                kind = "string"
        match kind:
            case "object":
                return self._object(schema, depth, number)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema, number)
            case "integer" | "number":
                return _number(schema, number, whole=kind == "integer")
            case "boolean":
                return number % 2 == 0
        return None

    def _object(  # noqa: C901 - a rule for each keyword of an object
        self, schema: Mapping[str, Any], depth: int, number: int
    ) -> dict[str, Any]:
        required = set(schema.get("required") or ())
        made: dict[str, Any] = {}
        for name, part in (schema.get("properties") or {}).items():
            flat = self._merged([part]) if isinstance(part, dict) and "$ref" in part else part
            if isinstance(flat, dict) and flat.get(self._skipped) is True:
                continue
            if isinstance(part, dict) and "not" in part and not part["not"]:
                continue
            marked = isinstance(part, dict) and part.get(MARK) is True
            if name not in required and not marked and (not self._full or depth > _FULL_DEPTH):
                continue
            try:
                made[name] = self.of(part, depth + 1, number)
            except Unsatisfiable:
                if name in required:
                    raise
        more = schema.get("additionalProperties")
        free = more not in (None, False) and self._full and depth <= _FULL_DEPTH
        if free and isinstance(more, dict) and not schema.get("patternProperties"):
            made.setdefault("another", self.of(more, depth + 1, number))
        elif free and not schema.get("properties"):
            made.setdefault("another", "value")
        for name in required - made.keys():
            made[name] = self.of(more if isinstance(more, dict) else {}, depth + 1, number)
        least = schema.get("minProperties", 0)
        while isinstance(least, int) and len(made) < min(least, _LIST_MOST):
            made[f"another{len(made)}"] = self.of(
                more if isinstance(more, dict) else {}, depth + 1, len(made)
            )
        most = schema.get("maxProperties")
        if isinstance(most, int):
            for name in [name for name in reversed(made) if name not in required][: max(0, len(made) - most)]:
                del made[name]
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        made = [self.of(part, depth + 1) for part in schema.get("prefixItems") or ()]
        least = schema.get("minItems", 0)
        least = least if isinstance(least, int) else 0
        wanted = max(least, 1 if self._full and depth <= _FULL_DEPTH else 0)
        most = schema.get("maxItems")
        wanted = min(wanted, most, _LIST_MOST) if isinstance(most, int) else min(wanted, _LIST_MOST)
        items = schema.get("items", {})
        if items is False or (made and "items" not in schema):
            return made
        while len(made) < wanted:
            try:
                made.append(self.of(items, depth + 1, len(made)))
            except Unsatisfiable:
                if len(made) < least:
                    raise
                break
        return made

    def _string(self, schema: Mapping[str, Any], number: int) -> str:
        pattern = schema.get("pattern")
        if pattern is not None:
            for known in (schema.get("example"), schema.get("default")):
                if isinstance(known, str) and self._valid(schema, known):
                    return known
            return _matching(pattern, schema)
        known = _FORMATS.get(str(schema.get("format")))
        if known is not None and (
            schema.keys() <= _ANY_FORMAT or self._valid({**schema, "format": ""}, known)
        ):
            if number and schema["format"] == "uuid":
                return known[:-2] + f"{number:02x}"
            return (
                f"{known}{number}"
                if number and schema["format"] in {"uri", "url", "uri-reference"}
                else known
            )
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        text = f"text{number or ''}"
        text += "x" * (min(least, 10_000) - len(text)) if isinstance(least, int) else ""
        return text[-most:] if isinstance(most, int) and most < len(text) and most else text


def _both(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What both schemas say together."""
    made = {**one, **other}
    if "properties" in one and "properties" in other:
        made["properties"] = dict(one["properties"])
        for name, part in other["properties"].items():
            mine = one["properties"].get(name)
            made["properties"][name] = part if mine is None or mine == part else {"allOf": [mine, part]}
    if "required" in one or "required" in other:
        made["required"] = [*one.get("required", []), *other.get("required", [])]
    if "enum" in one and "enum" in other:
        made["enum"] = [value for value in one["enum"] if value in other["enum"]] or other["enum"]
    for key in ("oneOf", "anyOf"):
        if key in one and key in other:
            made.setdefault("allOf", []).append({key: one[key]})
    for key, choose in (("minimum", max), ("maximum", min), ("minLength", max), ("maxLength", min)):
        if key in one and key in other:
            made[key] = choose(one[key], other[key])
    kinds = [schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
             for schema in (one, other) if "type" in schema]  # fmt: skip
    if len(kinds) == 2:  # noqa: PLR2004
        shared = [kind for kind in kinds[0] if kind in kinds[1]]
        shared = shared or (["integer"] if {"integer", "number"} == {*kinds[0], *kinds[1]} else kinds[1])
        made["type"] = shared[0] if len(shared) == 1 else shared
    return made


def _number(schema: Mapping[str, Any], number: int, *, whole: bool) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf") or 1
    start: float = 1 if whole else 1.5
    if low is not None or above is not None:
        start = max(value for value in (low, None if above is None else above + step) if value is not None)
    ceiling = min((v for v in (high, None if below is None else below - step) if v is not None), default=None)
    if ceiling is not None and start > ceiling:
        start = ceiling
    if schema.get("multipleOf"):
        start = -(-start // step) * step
    value = start + number * step
    if ceiling is not None and value > ceiling:
        value = start
    return int(value) if whole else value


def _matching(pattern: str, schema: Mapping[str, Any]) -> str:
    """A text that matches a regular expression."""
    try:
        text = _example_of(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise Unsatisfiable(f"the pattern {pattern[:60]!r} cannot be read: {error}") from None
    least = schema.get("minLength", 0)
    if isinstance(least, int) and len(text) < least:
        for filler in ("x", "0", "a", "A"):
            longer = text + filler * (least - len(text))
            if re.search(pattern, longer):
                return longer
    return text


@lru_cache(maxsize=1024)
def _example_of(pattern: str) -> str:
    return _walk(_parser.parse(pattern))


def _walk(tokens: Any) -> str:
    made = []
    for code, value in tokens:
        if code is _codes.LITERAL:
            made.append(chr(value))
        elif code is _codes.NOT_LITERAL:
            made.append("a" if value != ord("a") else "b")
        elif code is _codes.ANY:
            made.append("a")
        elif code is _codes.IN:
            made.append(_member(value))
        elif code is _codes.BRANCH:
            made.append(_walk(value[1][0]))
        elif code is _codes.SUBPATTERN:
            made.append(_walk(value[3]))
        elif code in {_codes.MAX_REPEAT, _codes.MIN_REPEAT}:
            least, most, inner = value
            count = least or (1 if most else 0)
            made.append(_walk(inner) * min(count, 2000))
        elif code is _codes.CATEGORY:
            made.append(_category(value))
    return "".join(made)


def _member(options: Any) -> str:
    negated = options and options[0][0] is _codes.NEGATE
    if negated:
        rejected = re.compile("[" + "".join(_class_text(option) for option in options[1:]) + "]")
        return next((sign for sign in "aA0_- ~é" if not rejected.match(sign)), "a")
    code, value = options[0]
    if code is _codes.LITERAL:
        return chr(value)
    if code is _codes.RANGE:
        return chr(value[0])
    return _category(value)


def _class_text(option: Any) -> str:
    code, value = option
    if code is _codes.LITERAL:
        return re.escape(chr(value))
    if code is _codes.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    names = {_codes.CATEGORY_DIGIT: r"\d", _codes.CATEGORY_SPACE: r"\s", _codes.CATEGORY_WORD: r"\w"}
    names |= {
        _codes.CATEGORY_NOT_DIGIT: r"\D",
        _codes.CATEGORY_NOT_SPACE: r"\S",
        _codes.CATEGORY_NOT_WORD: r"\W",
    }
    return names[value]


def _category(value: Any) -> str:
    return {_codes.CATEGORY_DIGIT: "1", _codes.CATEGORY_SPACE: " ", _codes.CATEGORY_NOT_WORD: "-"}.get(
        value, "a"
    )
