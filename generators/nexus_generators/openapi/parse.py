"""The text of an OpenAPI document as plain data, within bounds, and where in the text a part of it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from nexus_cli.errors import UsageError

try:
    from yaml import CBaseLoader as _BaseLoader
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import BaseLoader as _BaseLoader  # type: ignore[assignment]
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

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
        return _line(self.text, tuple(str(part) for part in path))


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
        parsed.data = _json(stripped, parsed) if stripped.startswith("{") else _yaml(text, parsed)
    except RecursionError:
        raise _too_deep(name) from None
    if not isinstance(parsed.data, dict):
        raise UsageError(f"{name}:1: an OpenAPI document is a mapping", hint="is it the right file?")
    parsed.data = _bounded(parsed.data, name)
    return parsed


def _too_deep(name: str, line: int | None = None) -> UsageError:
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


class _Loader(_SafeLoader):
    """YAML 1.2 as OpenAPI wants it: keys are strings, dates are strings, only true and false are booleans."""

    depth = 0
    parsed: Parsed

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        del current_index
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _too_deep(self.parsed.name, current_node.start_mark.line + 1 if current_node else None)

    def ascend_resolver(self) -> None:
        self.depth -= 1


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Any:
    found: dict[str, Any] = {}
    yield found
    merged: list[yaml.Node] = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise UsageError(f"{loader.parsed.name}:{key.start_mark.line + 1}: a key must be plain text")
        if key.tag == "tag:yaml.org,2002:merge":
            merged.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
            continue
        if key.tag != "tag:yaml.org,2002:str":
            loader.parsed.loose.add(id(found))
        if key.value in found:
            loader.parsed.twice.append((key.value, key.start_mark.line + 1))
        found[key.value] = loader.construct_object(value, deep=False)
    for source in merged:
        inherited = loader.construct_object(source, deep=True)
        if isinstance(inherited, dict):
            for name, value in inherited.items():
                found.setdefault(name, value)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _firsts: list[Any] = [*_first.replace("\0", ""), *([""] if "\0" in _first else [])]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _firsts)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor(
    "tag:yaml.org,2002:int",
    _integer,  # base ten, as in 1.2
)


def _yaml(text: str, parsed: Parsed) -> Any:
    try:
        loader = _Loader(text)
        loader.parsed = parsed
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        place = f"{parsed.name}:{mark.line + 1}:{mark.column + 1}" if mark else parsed.name
        raise UsageError(f"{place}: not YAML: {said}") from None
    except ValueError as error:
        raise UsageError(f"{parsed.name}: not YAML: {error}") from None


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
            raise _too_deep(name)
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


@lru_cache(maxsize=2)
def _nodes(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_BaseLoader)
    except (yaml.YAMLError, RecursionError):  # JSON that is not quite YAML has no positions
        return None
    return node


def _line(text: str, path: tuple[str, ...]) -> int | None:
    node = _nodes(text)
    if node is None:
        return None
    for part in path:
        step = _child(node, part)
        if step is None:
            break
        node = step
    return node.start_mark.line + 1


def _child(node: yaml.Node, part: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        found: yaml.Node = node.value[int(part)]
        return found
    return None
