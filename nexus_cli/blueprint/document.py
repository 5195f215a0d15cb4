"""YAML read safely: bounded in size, depth and aliases, with duplicate keys as faults and positions kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from nexus_cli.blueprint.source import Finding, Location, Source

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 50_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?[0-9][0-9_]*\.[0-9]+([eE][-+]?[0-9]+)?")
_DEEP = re.compile(r"(?:[-?:][ \t]+){40}")
_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "seq", "map")
}
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False}
_NULLS = {"", "~", "null", "Null"}


class DocumentFault(Exception):
    """A document that cannot be read as YAML within the bounds."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def read(path: Path, file: str) -> tuple[dict[str, Any], Source]:
    """The mapping in a YAML file and where each of its parts is written; `file` is its name in messages."""
    text = _text(path, file)
    _check_depth(text, file)
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _syntax(error, file, text) from error
    except (ValueError, RecursionError) as error:
        raise _fault("yaml", str(error), Location(file)) from error
    if node is None:
        raise _fault("yaml", "the file is empty", Location(file), "remove it, or write a blueprint into it")
    if not isinstance(node, yaml.MappingNode):
        raise _fault("yaml", "a blueprint is a mapping of keys to values", _location(node, file))
    return _Construct(file).mapping(node, 0), Source(file, node)


def _text(path: Path, file: str) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _fault(
                "size",
                f"the file has {size / (1 << 20):.1f} MB; a blueprint may have {MAX_BYTES >> 20} MB",
                Location(file),
                "split it into one file a service",
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(
            "encoding", f"not UTF-8: {error.reason} at byte {error.start}", Location(file)
        ) from error
    except OSError as error:
        raise _fault("file", f"cannot be read: {error.strerror}", Location(file)) from error


def _check_depth(text: str, file: str) -> None:
    """Refuse deep nesting before the composer recurses into it; most texts pass by a count of brackets."""
    if text.count("[") + text.count("{") <= MAX_DEPTH and not _DEEP.search(text):
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise _deep(_location(event, file))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError as error:
        raise _syntax(error, file, text) from error


def _deep(where: Location) -> DocumentFault:
    return _fault("depth", f"nested deeper than {MAX_DEPTH} levels", where)


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


def _location(node: Any, file: str) -> Location:
    """Where a node or event begins."""
    return Location(file, node.start_mark.line + 1, node.start_mark.column + 1)


class _Construct:
    """Plain values from nodes, counting every visit so that aliases cannot multiply without bound."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.visited = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        self.visited += 1
        if self.visited > MAX_NODES:
            raise _fault(
                "aliases",
                f"more than {MAX_NODES} values once aliases are followed",
                _location(node, self.file),
            )
        if depth > MAX_DEPTH:
            raise _deep(_location(node, self.file))
        if node.tag not in _TAGS:
            raise _fault("yaml", f"the tag {node.tag} is not allowed", _location(node, self.file))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, depth)
        raise _fault("yaml", "this kind of value is not known", _location(node, self.file))

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _fault("yaml", "a key must be plain text", _location(key, self.file))
            if key.tag == "tag:yaml.org,2002:merge":
                sources = item.value if isinstance(item, yaml.SequenceNode) else [item]
                for source in sources:
                    inherited = self.value(source, depth + 1)
                    if not isinstance(inherited, dict):
                        raise _fault("yaml", "`<<` merges mappings only", _location(item, self.file))
                    merged = {**inherited, **merged}
                continue
            if key.value in result:
                raise _fault(
                    "duplicate-key",
                    f'duplicate key "{key.value}"',
                    _location(key, self.file),
                    "remove one of the two",
                )
            result[key.value] = self.value(item, depth + 1)
        return {**merged, **result} if merged else result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.style is not None or node.tag == "tag:yaml.org,2002:str":
            return text
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if text in _NULLS:
            return None
        if _INT.fullmatch(text):
            return int(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
        return text
