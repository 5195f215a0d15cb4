"""Where something is written: file, line and column of every key and value of a blueprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml


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
    """The text of one blueprint as a tree of nodes; positions are looked up only when a fault needs one."""

    file: str
    node: yaml.Node

    def at(self, path: Sequence[Any] = (), *, key: bool = False) -> Location:
        """Where the value at `path` is written (its key with `key`); the nearest parent when it is absent."""
        node = self.node
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
