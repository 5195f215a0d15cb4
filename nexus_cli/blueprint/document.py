"""YAML read safely: bounded in size, depth and aliases, with duplicate keys as faults and positions kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from nexus_cli.blueprint.source import MAX_DEPTH, MERGE, NULL, Finding, Location, Source, TooDeep, compose

MAX_BYTES = 1 << 20
MAX_NODES = 50_000


class DocumentFault(Exception):
    """A document that cannot be read as YAML within the bounds."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def read(path: Path, file: str) -> tuple[dict[str, Any], Source]:
    """The mapping in a YAML file and where each of its parts is written; `file` is its name in messages.

    Its values are mappings, lists, texts and nothing; the model decides what a text means.
    """
    source = Source(file, text_of(path, file, "a blueprint"))
    return parse(source), source


def parse(source: Source) -> dict[str, Any]:
    """The mapping in a text that was read, or will be written."""
    return Construct(source.file).mapping(nodes(source.text, source.file, "a blueprint"), 0)


def nodes(text: str, file: str, what: str) -> yaml.MappingNode:
    """The mapping node of a YAML text within the bounds; `what` it is, for messages."""
    try:
        node = compose(text)
    except TooDeep as error:
        raise _fault("depth", str(error), _location(error.mark, file)) from error
    except yaml.YAMLError as error:
        raise _syntax(error, file, text) from error
    except ValueError as error:
        raise _fault("yaml", str(error), Location(file)) from error
    if node is None:
        raise _fault("yaml", "the file is empty", Location(file), f"remove it, or write {what} into it")
    if not isinstance(node, yaml.MappingNode):
        raise _fault("yaml", f"{what} is a mapping of keys to values", _location(node.start_mark, file))
    return node


def text_of(path: Path, file: str, what: str) -> str:
    """The text of a file, if it is not too large for `what` it is."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _fault(
                "size",
                f"the file has {size / (1 << 20):.1f} MB; {what} may have {MAX_BYTES >> 20} MB",
                Location(file),
                "split it into one file a service",
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(
            "encoding", f"not UTF-8: {error.reason} at byte {error.start}", Location(file)
        ) from error
    except OSError as error:
        raise _fault("file", f"cannot be read: {error.strerror}", Location(file)) from error


def _syntax(error: yaml.YAMLError, file: str, text: str) -> DocumentFault:
    mark = getattr(error, "problem_mark", None)
    where = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = None
    lines = text.splitlines()
    line = lines[where.line - 1] if where.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        problem, hint = "a tab in the indentation", "YAML is indented by spaces only"
    return _fault("yaml", problem, where, hint)


def _fault(rule: str, message: str, where: Location, hint: str | None = None) -> DocumentFault:
    return DocumentFault(Finding(rule, "error", message, where, hint))


def _location(mark: yaml.Mark, file: str) -> Location:
    return Location(file, mark.line + 1, mark.column + 1)


class Construct:
    """Plain values from nodes, counting every visit so that aliases cannot multiply without bound."""

    tags = frozenset(
        f"tag:yaml.org,2002:{name}"
        for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "seq", "map")
    )

    def __init__(self, file: str) -> None:
        self.file = file
        self.visited = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        """The value of a node that stands this deep."""
        self.visited += 1
        if self.visited > MAX_NODES:
            raise self._fault("aliases", f"more than {MAX_NODES} values once aliases are followed", node)
        if depth > MAX_DEPTH:
            raise self._fault("depth", str(TooDeep(node.start_mark)), node)
        if node.tag not in self.tags:
            raise self._fault("yaml", f"the tag {node.tag} is not allowed", node)
        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == NULL else node.value
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, depth)
        raise self._fault("yaml", "this kind of value is not known", node)

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        """The mapping of a node, with what it merges; a key that stands twice is a fault."""
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._fault("yaml", "a key must be plain text", key)
            name = key.value
            if name in result:
                raise self._fault("duplicate-key", f'duplicate key "{name}"', key, "remove one of the two")
            if key.tag == MERGE:
                merged = {**self._inherited(item, depth), **merged}
            else:
                result[name] = self.value(item, depth + 1)
        return {**merged, **result} if merged else result

    def _inherited(self, item: yaml.Node, depth: int) -> dict[str, Any]:
        """What `<<` merges: of a list, what stands earlier wins."""
        inherited: dict[str, Any] = {}
        for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
            found = self.value(source, depth + 1)
            if not isinstance(found, dict):
                raise self._fault("yaml", "`<<` merges mappings only", item)
            inherited = {**found, **inherited}
        return inherited

    def at(self, node: yaml.Node) -> Location:
        """Where a node is written."""
        return _location(node.start_mark, self.file)

    def _fault(self, rule: str, message: str, node: yaml.Node, hint: str | None = None) -> DocumentFault:
        return _fault(rule, message, self.at(node), hint)
