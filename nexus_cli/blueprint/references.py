"""Strict `${...}`: every name must be known, or it is a fault with a hint; no shell, no code."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

_REFERENCE = re.compile(r"\$(?:\{([^{}]*)\}|\$)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


class UnknownReference(ValueError):
    """A `${name}` that stands for nothing; `hint` offers the nearest name."""

    def __init__(self, name: str, known: Mapping[str, str]) -> None:
        super().__init__(f"unknown reference ${{{name}}}")
        close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
        roots = sorted({key.split(".")[0] for key in known})
        self.hint = (
            f'did you mean "${{{close[0]}}}"?' if close else f"known names begin with: {', '.join(roots)}"
        )


def names(text: str) -> Iterator[str]:
    """The names that a text refers to, in order."""
    for match in _REFERENCE.finditer(text):
        if match[1] is not None:
            yield match[1]


def resolve(text: str, values: Mapping[str, str]) -> str:
    """The text with each `${name}` replaced by its value and `$$` by `$`."""
    if "$" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        if not _NAME.fullmatch(name) or name not in values:
            raise UnknownReference(name, values)
        return values[name]

    return _REFERENCE.sub(replace, text)
