"""Texts of a document inside Go: literals, struct tags and comments that cannot end early."""

from __future__ import annotations

import re
import textwrap

from nexus_generators.sdk.prose import escaped, visible, wrapped

_WIDTH = 100
_TAG = re.compile(r"[A-Za-z0-9!#$%&()*+\-./:;<=>?@\[\]^_{|}~ ]+")


def literal(value: object) -> str:
    """A Go literal of a plain value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return '"' + "".join(escaped(sign, '"') for sign in value) + '"'


def strings(values: tuple[str, ...] | list[str]) -> str:
    """A slice of strings."""
    return "[]string{" + ", ".join(map(literal, values)) + "}"


def taggable(name: str) -> bool:
    """Whether encoding/json can carry a name in a tag."""
    return bool(_TAG.fullmatch(name))


def tag(name: str, *, optional: bool) -> str:
    """The tag of a field."""
    said = "-," if name == "-" and not optional else name
    return f'`json:"{said}{",omitzero" if optional else ""}"`'


def comment(text: str, indent: str = "") -> list[str]:
    """The lines of a comment; none for an empty text."""
    lines = [line.rstrip() for line in textwrap.dedent(visible(text).expandtabs(4)).strip().split("\n")]
    if not any(lines):
        return []
    return [f"{indent}// {part}".rstrip() for line in lines for part in wrapped(line, _WIDTH)]
