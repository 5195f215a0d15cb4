"""Texts of a document inside Python: literals, docstrings and comments that cannot end early."""

from __future__ import annotations

import re
import textwrap

from nexus_generators.sdk.prose import escaped, visible, wrapped

_WIDTH = 96
_QUOTES = re.compile(r'"{3,}|"+\Z')  # those that would end the text, or stand before its end


def literal(value: object) -> str:
    """A Python literal of a plain value."""
    if not isinstance(value, str):
        return repr(value)
    quote = "'" if '"' in value and "'" not in value else '"'
    if value.isprintable() and quote not in value and "\\" not in value:
        return f"{quote}{value}{quote}"
    return quote + "".join(escaped(sign, quote) for sign in value) + quote


def docstring(text: str, indent: str) -> list[str]:
    """The lines of a docstring; none for an empty text."""
    plain = textwrap.dedent(visible(text).expandtabs(4)).strip().replace("\\", "\\\\")
    clean = _QUOTES.sub(lambda found: '\\"' * len(found[0]), plain)
    lines = [line.rstrip() for line in clean.split("\n")]
    if not any(lines):
        return []
    broken: list[str] = []
    for line in lines:
        broken.extend([line] if line.startswith((" ", "|", "```")) else wrapped(line, _WIDTH))
    if len(broken) == 1 and len(indent) + len(broken[0]) <= _WIDTH:
        return [f'{indent}"""{broken[0]}"""']
    body = [f"{indent}{line}" if line else "" for line in broken[1:]]
    return [f'{indent}"""{broken[0]}', *body, f'{indent}"""']
