"""Texts of a document inside Python: literals, docstrings and comments that cannot end early."""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache

from nexus_generators.sdk.prose import escaped, visible, wrapped

_WIDTH = 96
_QUOTES = re.compile(r'"{3,}|"+\Z')  # those that would end the text, or stand before its end
_IMPORT = re.compile(r"(from (?!__future__)\S+ )?import (.+)")


def needed(head: str, body: str) -> str:
    """The import lines of a head without what the body does not mention: so ruff has little left to mend."""
    lines: list[str] = []
    for line in head.splitlines():
        found = _IMPORT.fullmatch(line)
        if found is None:
            lines += [line] if line or lines[-1:] != [""] else []
            continue
        names = [one for one in found[2].split(", ") if one.split()[-1] in body]
        lines += [f"{found[1] or ''}import {', '.join(names)}"] if names else []
    return "\n".join(lines)


def literal(value: object) -> str:
    """A Python literal of a plain value."""
    if not isinstance(value, str):
        return repr(value)
    quote = "'" if '"' in value and "'" not in value else '"'
    if value.isprintable() and quote not in value and "\\" not in value:
        return f"{quote}{value}{quote}"
    return quote + "".join(escaped(sign, quote) for sign in value) + quote


@lru_cache(maxsize=256)  # the awaited client says again what the other one says
def docstring(text: str, indent: str) -> tuple[str, ...]:
    """The lines of a docstring; none for an empty text."""
    plain = textwrap.dedent(visible(text).expandtabs(4)).strip().replace("\\", "\\\\")
    clean = _QUOTES.sub(lambda found: '\\"' * len(found[0]), plain)
    lines = [line.rstrip() for line in clean.split("\n")]
    if not any(lines):
        return ()
    broken: list[str] = []
    for line in lines:
        broken.extend([line] if line.startswith((" ", "|", "```")) else wrapped(line, _WIDTH))
    if len(broken) == 1 and len(indent) + len(broken[0]) <= _WIDTH:
        return (f'{indent}"""{broken[0]}"""',)
    body = [f"{indent}{line}" if line else "" for line in broken[1:]]
    return (f'{indent}"""{broken[0]}', *body, f'{indent}"""')
