"""Texts of a document inside TypeScript: literals, property names and comments that cannot end early."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence

from nexus_generators.sdk.prose import visible, wrapped

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_WIDTH = 96
_LONGEST = 110


def literal(value: object) -> str:
    """A literal of a plain value; every sign beyond ASCII that is not printable is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def key(name: str) -> str:
    """A property's name, in quotation marks where it needs them."""
    return name if _IDENTIFIER.fullmatch(name) and name != "__proto__" else literal(name)


def comment(text: str, indent: str) -> list[str]:
    """The lines of a doc comment; none for an empty text."""
    clean = visible(text).replace("*/", "*\\/").replace("/*", "/\\*").expandtabs(4)
    lines = [line.rstrip() for line in textwrap.dedent(clean).strip().split("\n")]
    if not any(lines):
        return []
    broken: list[str] = []
    for line in lines:
        broken.extend([line] if line.startswith((" ", "|", "```")) else wrapped(line, _WIDTH))
    if len(broken) == 1:
        return [f"{indent}/** {broken[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in broken), f"{indent} */"]


def spread(opening: str, parts: Sequence[str], closing: str, indent: str) -> Iterator[str]:
    """A list between brackets: on one line where it fits, else a line for each part."""
    line = f"{indent}{opening}{', '.join(parts)}{closing}"
    if len(line) <= _LONGEST:
        yield line
        return
    yield f"{indent}{opening.rstrip()}"
    yield from (f"{indent}  {part}," for part in parts)
    yield f"{indent}{closing.lstrip()}"
