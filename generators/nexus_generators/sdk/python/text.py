"""Texts of a document inside Python: literals, docstrings and comments that cannot end early."""

from __future__ import annotations

import textwrap

from nexus_generators.sdk.prose import escaped, visible, wrapped

_WIDTH = 96


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
