"""The text of an OpenAPI document as plain data, within bounds, and where in the text a part of it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus_cli.errors import UsageError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 150
MAX_NODES = 5_000_000
_LINES_WITHIN = 4 * 1024 * 1024  # positions of larger texts would cost more than the rest of the work

Path = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a document that is not as it should be, and what was made of it."""

    code: str
    message: str
    pointer: str
    line: int | None = None
    file: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}#{self.pointer}"
        return f"{place}: {self.message} [{self.code}]"


@dataclass(slots=True)
class Parsed:
    """A document's data with its text; `loose` are the identities of mappings with keys that were no text."""

    name: str
    text: str
    data: Any
    loose: set[int] = field(default_factory=set)
    twice: list[tuple[str, int | None]] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """The line (from 1) of a part, of its nearest parent when it is absent; none in very large texts."""
        if len(self.text) > _LINES_WITHIN:
            return None
        from nexus_generators.openapi.yaml_text import line

        return line(self.text, tuple(str(part) for part in path))


def pointer(path: Path) -> str:
    """A path as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parse(text: str, name: str) -> Parsed:
    """The data of a JSON or YAML text; refuses what is broken, nested too deep, or too large."""
    if len(text) > MAX_BYTES:
        raise UsageError(f"{name}: larger than {MAX_BYTES // 1024 // 1024} MB")
    parsed = Parsed(name, text, None)
    stripped = text.lstrip("\ufeff \t\r\n")
    try:
        if stripped.startswith("{"):
            parsed.data = _json(stripped, parsed)
        else:  # YAML's reader takes longer to load than most documents in JSON to read
            from nexus_generators.openapi.yaml_text import read

            parsed.data = read(text, parsed)
    except RecursionError:
        raise too_deep(name) from None
    if not isinstance(parsed.data, dict):
        raise UsageError(f"{name}:1: an OpenAPI document is a mapping", hint="is it the right file?")
    parsed.data = _bounded(parsed.data, name)
    return parsed


def too_deep(name: str, line: int | None = None) -> UsageError:
    """The fault of a document whose parts hold each other too deep."""
    place = f"{name}:{line}" if line else name
    return UsageError(f"{place}: nested deeper than {MAX_DEPTH} levels")


def _json(text: str, parsed: Parsed) -> Any:
    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [key for key, _ in pairs]
            parsed.twice.extend((name, None) for name in found if names.count(name) > 1)
        return found

    try:
        return json.loads(text, object_pairs_hook=collect)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        said = getattr(error, "msg", str(error))
        raise UsageError(
            f"{parsed.name}:{line}: not JSON: {said}" if line else f"{parsed.name}: not JSON: {said}",
            hint="a document that begins with { is read as JSON; anything else as YAML",
        ) from None


_NESTED = (dict, list)


def _bounded(root: Any, name: str) -> Any:
    """Refuse what is endless or too much; texts that no encoding can carry lose what cannot be carried."""
    count, stack = 0, [(root, 0)]
    while stack:
        value, depth = stack.pop()
        count += len(value)
        if count > MAX_NODES:
            raise UsageError(f"{name}: more than {MAX_NODES} values", hint="does an anchor repeat itself?")
        if depth > MAX_DEPTH:
            raise too_deep(name)
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            if isinstance(item, str):  # first, for most values are
                if not item.isascii():
                    value[key] = _carried(item)
            elif isinstance(item, _NESTED):
                stack.append((item, depth + 1))
            if isinstance(key, str) and not key.isascii() and _carried(key) != key:
                value[_carried(key)] = value.pop(key)
    return root


def _carried(text: str) -> str:
    """A text without halves of surrogate pairs, which UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()
