"""Texts of a document inside Python: literals, docstrings and comments that cannot end early."""

from __future__ import annotations

import re
import textwrap

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WIDTH = 96
_BASIC = 0xFFFF  # the last sign with an escape of four digits


def literal(value: object) -> str:
    """A Python literal of a plain value."""
    if not isinstance(value, str):
        return repr(value)
    quote = "'" if '"' in value and "'" not in value else '"'
    if value.isprintable() and quote not in value and "\\" not in value:
        return f"{quote}{value}{quote}"
    return quote + "".join(escaped(sign, quote) for sign in value) + quote


def escaped(sign: str, quote: str) -> str:
    """A sign as it stands in a literal between such quotation marks."""
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if sign == quote:
        return "\\" + sign
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\u{code:04x}" if code <= _BASIC else f"\\U{code:08x}"


def visible(text: str) -> str:
    """A text without what hides or turns the text around it."""
    return _HIDDEN.sub(
        lambda found: f"<U+{ord(found[0]):04X}>", text.replace("\r\n", "\n").replace("\r", "\n")
    )


def wrapped(line: str, width: int) -> list[str]:
    """The lines of a long line, broken between words only."""
    if len(line) <= width:
        return [line]
    lines, start = [], 0
    while len(line) - start > width:
        end = line.rfind(" ", start, start + width + 1)
        end = end if end > start else line.find(" ", start + width)
        if end < 0:
            break
        lines.append(line[start:end].rstrip())
        start = end + 1
    return [*lines, line[start:].strip()]


def docstring(text: str, indent: str) -> list[str]:
    """The lines of a docstring; none for an empty text."""
    clean = visible(text).replace("\\", "\\\\").replace('"""', '\\"\\"\\"').expandtabs(4)
    lines = [line.rstrip() for line in textwrap.dedent(clean).strip().split("\n")]
    if not any(lines):
        return []
    if lines[-1].endswith('"'):
        lines[-1] = lines[-1][:-1] + '\\"'
    broken: list[str] = []
    for line in lines:
        broken.extend([line] if line.startswith((" ", "|", "```")) else wrapped(line, _WIDTH))
    if len(broken) == 1 and len(indent) + len(broken[0]) <= _WIDTH:
        return [f'{indent}"""{broken[0]}"""']
    body = [f"{indent}{line}" if line else "" for line in broken[1:]]
    return [f'{indent}"""{broken[0]}', *body, f'{indent}"""']
