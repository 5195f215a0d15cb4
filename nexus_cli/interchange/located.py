"""YAML values that know where they were written, so that a merge of many files can still name a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import yaml

from nexus_cli.blueprint.document import Construct, DocumentFault, nodes, text_of
from nexus_cli.blueprint.source import MERGE, Finding, Location
from nexus_cli.errors import UsageError

_WHAT = "a compose file"
RESET, OVERRIDE = "!reset", "!override"


class Text(str):
    """A text and its place."""

    __slots__ = ("where",)
    where: Location

    def __new__(cls, value: str, where: Location) -> Self:
        """A text that stands at `where`."""
        made = super().__new__(cls, value)
        made.where = where
        return made


class Seq(list[Any]):
    """A list and its place."""

    def __init__(self, items: Any, where: Location) -> None:
        super().__init__(items)
        self.where = where


class Map(dict[str, Any]):
    """A mapping, its place, and the place of each of its keys."""

    def __init__(self, items: Any, where: Location, keys: dict[str, Location] | None = None) -> None:
        super().__init__(items)
        self.where = where
        self.keys_at = keys or {}

    def at(self, key: str) -> Location:
        """Where a key is written; the mapping's own place when it was made up."""
        return self.keys_at.get(key, self.where)


class Reset:
    """`!reset`: whatever an earlier file said here is gone."""


class Override:
    """`!override`: this in place of what an earlier file said, instead of merged with it."""

    def __init__(self, value: Any) -> None:
        self.value = value


class ComposeFault(UsageError):
    """A compose file that cannot be used: one finding with its place."""

    def __init__(self, message: str, where: Location, hint: str | None = None) -> None:
        super().__init__(f"{where}: {message}", hint=hint)
        self.findings = (Finding("compose", "error", message, where, hint),)


def read(path: Path, file: str) -> Map:
    """The mapping in a YAML file; every fault has its file and line."""
    try:
        node = nodes(text_of(path, file, _WHAT), file, _WHAT)
        found = _Located(file).value(node, 0)
    except DocumentFault as fault:
        finding = fault.finding
        raise ComposeFault(finding.message, finding.where, finding.hint) from fault
    assert isinstance(found, Map)  # noqa: S101 - `nodes` has looked
    return found


class _Located(Construct):
    """Values with places from nodes, within the bounds that blueprints have."""

    tags = Construct.tags | {RESET, OVERRIDE}

    def value(self, node: yaml.Node, depth: int) -> Any:
        found = super().value(node, depth)
        where = self.at(node)
        if isinstance(found, str):
            found = Text(found, where)
        elif isinstance(found, list):
            found = Seq(found, where)
        elif isinstance(found, dict):
            found = Map(found, where, self._keys(node))
        if node.tag == RESET:
            return Reset()
        return Override(found) if node.tag == OVERRIDE else found

    def _keys(self, node: yaml.Node) -> dict[str, Location]:
        found: dict[str, Location] = {}
        for key, item in sorted(node.value, key=lambda pair: pair[0].tag == MERGE):
            if key.tag != MERGE:
                found[key.value] = self.at(key)
                continue
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                found = {**self._keys(source), **found}
        return found


def plain(value: Any) -> Any:
    """The same without places, as a YAML emitter takes it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def place(value: Any, otherwise: Location) -> Location:
    """Where a value is written."""
    found = getattr(value, "where", None)
    return found if isinstance(found, Location) else otherwise


def walk(value: Any) -> Iterator[Text]:
    """Every text inside a value."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
