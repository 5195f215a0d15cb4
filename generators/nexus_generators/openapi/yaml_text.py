"""YAML as OpenAPI wants it: its data, and the lines of its parts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import yaml

from nexus_cli.errors import UsageError
from nexus_generators.openapi.parse import MAX_DEPTH, Parsed, too_deep

try:
    from yaml import CBaseLoader as _BaseLoader
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import BaseLoader as _BaseLoader  # type: ignore[assignment]
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class _Loader(_SafeLoader):
    """YAML 1.2 as OpenAPI wants it: keys are strings, dates are strings, only true and false are booleans."""

    depth = 0
    parsed: Parsed

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        del current_index
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise too_deep(self.parsed.name, current_node.start_mark.line + 1 if current_node else None)

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


def read(text: str, parsed: Parsed) -> Any:
    """The data of a YAML text; what is odd about its keys is noted in `parsed`."""
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


@lru_cache(maxsize=2)
def _nodes(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_BaseLoader)
    except (yaml.YAMLError, RecursionError):  # JSON that is not quite YAML has no positions
        return None
    return node


def line(text: str, path: tuple[str, ...]) -> int | None:
    """The line (from 1) of a part of a JSON or YAML text, or of its nearest parent."""
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
