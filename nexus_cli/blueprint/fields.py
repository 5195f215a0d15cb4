"""The little language of resource fields: `string unique`, `money`, `enum(a, b) = a`, `ref(customer)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

TYPES = ("string", "text", "int", "float", "money", "bool", "date", "datetime", "uuid", "enum", "ref", "json")
_FIELD = re.compile(
    r"(?P<type>[a-z]+)(?:\((?P<arguments>[^()]*)\))?(?P<words>(?:\s+[a-z]+)*)\s*(?:=\s*(?P<default>.+))?"
)
_WORD = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a resource: its type, what an enum may be, what a ref points at, and its rules."""

    type: str
    values: tuple[str, ...] = ()
    target: str | None = None
    unique: bool = False
    optional: bool = False
    default: str | None = None


def parse_field(text: Any) -> FieldType:
    """A field from its written form; says what is wrong with one that cannot be read."""
    if isinstance(text, FieldType):
        return text
    if not isinstance(text, str):
        raise _unreadable(text)
    return _parse(text)


@lru_cache(maxsize=1024)  # the resources of a platform have few different fields
def _parse(text: str) -> FieldType:
    match = _FIELD.fullmatch(text.strip())
    if match is None:
        raise _unreadable(text)
    kind = match["type"]
    if kind not in TYPES:
        raise ValueError(f"unknown field type {kind!r}; there are {', '.join(TYPES)}")
    arguments = tuple(part.strip() for part in (match["arguments"] or "").split(",") if part.strip())
    words = match["words"].split()
    unknown = [word for word in words if word not in {"unique", "optional"}]
    if unknown:
        raise ValueError(f"unknown word {unknown[0]!r} after the field type; there are unique, optional")
    _check_arguments(kind, arguments)
    default = match["default"].strip() if match["default"] else None
    if kind == "enum" and default is not None and default not in arguments:
        raise ValueError(f"default {default!r} is not one of the enum's values")
    return FieldType(
        type=kind,
        values=arguments if kind == "enum" else (),
        target=arguments[0] if kind == "ref" else None,
        unique="unique" in words,
        optional="optional" in words,
        default=default,
    )


def _unreadable(text: Any) -> ValueError:
    return ValueError(
        f"expected a field such as `string unique` or `enum(draft, paid) = draft`, got {text!r}"
    )


def _check_arguments(kind: str, arguments: tuple[str, ...]) -> None:
    if kind == "enum" and not arguments:
        raise ValueError("an enum needs its values: enum(draft, paid)")
    if kind == "enum" and len(set(arguments)) != len(arguments):
        raise ValueError("an enum's values must differ")
    if kind == "ref" and len(arguments) != 1:
        raise ValueError("a ref needs one resource: ref(customer)")
    if kind not in {"enum", "ref"} and arguments:
        raise ValueError(f"{kind} takes no arguments")
    for word in arguments:
        if not _WORD.fullmatch(word):
            raise ValueError(f"{word!r} is not a lower-case word")


ResourceField = Annotated[
    FieldType,
    BeforeValidator(parse_field),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^({'|'.join(TYPES)})\b.*$",
            "examples": [
                "string unique",
                "money",
                "enum(draft, paid) = draft",
                "ref(customer)",
                "text optional",
            ],
        }
    ),
]
