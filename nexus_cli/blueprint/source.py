"""Where something is written: file, line and column of every key and value of a blueprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

try:
    from yaml import CBaseLoader as BaseLoader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import BaseLoader  # type: ignore[assignment]

MAX_DEPTH = 40
NULL, MERGE, TEXT = (f"tag:yaml.org,2002:{name}" for name in ("null", "merge", "str"))
_PLAIN = {"": NULL, "~": NULL, "null": NULL, "Null": NULL, "NULL": NULL, "<<": MERGE}


class TooDeep(Exception):
    """Values inside values beyond `MAX_DEPTH`; `mark` is where."""

    def __init__(self, mark: yaml.Mark) -> None:
        super().__init__(f"nested deeper than {MAX_DEPTH} levels")
        self.mark = mark


class _Loader(BaseLoader):
    """Nodes whose texts stay as written: what `1.10` or `on` means is for the model to say, not for YAML."""

    depth = 0

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a value that has none in the text; only nothing and `<<` mean something of their own."""
        return _PLAIN.get(value, TEXT) if kind is yaml.ScalarNode and implicit[0] else TEXT

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        """Called before each node: refuse deep nesting before the composer recurses into it."""
        del current_index
        self.depth += 1
        if self.depth > MAX_DEPTH and current_node is not None:
            raise TooDeep(current_node.start_mark)

    def ascend_resolver(self) -> None:
        """Called after each node."""
        self.depth -= 1


@lru_cache(maxsize=1)  # faults come file by file
def compose(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, with their positions; nothing when it is empty."""
    node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    return node


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one blueprint; it is taken apart a second time when a fault needs a position.

    Most blueprints have no faults, and their nodes would be nine tenths of what a platform weighs.
    """

    file: str
    text: str

    def at(self, path: Sequence[Any] = (), *, key: bool = False) -> Location:
        """Where the value at `path` is written (its key with `key`); the nearest parent when it is absent."""
        node = compose(self.text)
        if node is None:
            return Location(self.file)
        mark = node.start_mark
        for part in path:
            step = _child(node, part)
            if step is None:
                break
            name, node = step
            mark = (name if key and name is not None and part == path[-1] else node).start_mark
        return Location(self.file, mark.line + 1, mark.column + 1)


def _child(node: yaml.Node, part: Any) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    return None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth a look: the rule, the place, what and what to do."""

    rule: str
    severity: str
    message: str
    where: Location
    hint: str | None = None
