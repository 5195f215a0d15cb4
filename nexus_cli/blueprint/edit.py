"""Edits of blueprints that people wrote: entries are added, every other byte stays as it is.

A round trip through a YAML emitter keeps comments but still re-flows lines; the positions that the composer
knows make the edit exact. What is added is written as its neighbours are. The result is read again, and
refused if it says anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import yaml

from nexus_cli.blueprint.document import DocumentFault, parse
from nexus_cli.blueprint.model import PlatformSpec
from nexus_cli.blueprint.source import NULL, Source, compose
from nexus_cli.errors import UsageError

Value = str | Sequence["Value"] | Mapping[str, "Value"]
"""What can be added: texts, and lists and mappings of them."""

WIDTH = 100

_KEY = "include"
_PLAIN = re.compile(r"[\w/.](?:[\w ./()=+*-]*[\w/.)+*-])?")


def add_includes(text: str, entries: Sequence[str], *, file: str = "nexus.yaml") -> str:
    """The platform's blueprint with these entries at the end of `include`, unless they are there."""
    source = Source(file, text)
    listed = parse(source).get(_KEY)
    implied = list(PlatformSpec.model_fields[_KEY].default) if listed is None else []
    wanted = [entry for entry in dict.fromkeys(entries) if entry not in (listed or implied)]
    return add(source, [_KEY], [*implied, *wanted], block=True) if wanted else text


def add(source: Source, path: Sequence[str], value: Value, *, block: bool = False) -> str:
    """The text with what `value` holds added at the end of the list or mapping at `path`.

    Where there is none yet, it is written with all that leads to it; with `block`, a line an entry.
    """
    place = f"`{'.'.join(path)}` in {source.file}"
    refused = UsageError(
        f"cannot add to {place}: it is written in an unusual way", hint=f"add {_flow(value)} there"
    )
    try:
        expected = _extended(parse(source), path, value)
        edited = _insert(source.text, path, value, block=block)
        understood = parse(Source(source.file, edited)) == expected
    except (DocumentFault, TypeError) as error:
        raise refused from error
    if not understood:
        raise refused
    return edited


def _extended(data: Mapping[str, Any], path: Sequence[str], value: Value) -> dict[str, Any]:
    """The data with the value added, as the edited text must say it."""
    extended: Any = deepcopy(data)
    at = extended
    for key in path[:-1]:
        at[key] = at.get(key) or {}
        at = at[key]
    present = at.get(path[-1])
    if isinstance(value, Mapping):
        at[path[-1]] = {**(present or {}), **value}
    else:
        at[path[-1]] = [*(present or []), *value]
    return dict(extended)


def _insert(text: str, path: Sequence[str], value: Value, *, block: bool) -> str:
    """The text with the entries in the innermost collection of the path that is there."""
    node = compose(text)
    depth = 0
    while depth < len(path) and isinstance(node, yaml.MappingNode):
        inner = next((item for key, item in node.value if key.value == path[depth]), None)
        if inner is None:
            break
        if inner.tag == NULL:
            return _filled(text, inner, _nested(path[depth + 1 :], value))
        node, depth = inner, depth + 1
    if not isinstance(node, yaml.CollectionNode):
        raise TypeError(path)
    for entry in _entries(_nested(path[depth:], value)):
        neighbour = _last(node) if depth == len(path) and node.value else None
        text = _appended(text, node, entry, neighbour, block=block)
        node = _again(text, path[:depth])
    return text


def _again(text: str, path: Sequence[str]) -> yaml.CollectionNode:
    """The collection at `path` of a text that was edited."""
    node = compose(text)
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            break
        node = next((item for key, item in node.value if key.value == part), None)
    if not isinstance(node, yaml.CollectionNode):
        raise TypeError(path)
    return node


def _nested(path: Sequence[str], value: Value) -> Value:
    for key in reversed(path):
        value = {key: value}
    return value


def _entries(value: Value) -> list[Value]:
    """The entries of a mapping or list, one by one."""
    if isinstance(value, Mapping):
        return [{key: item} for key, item in value.items()]
    return list(value)


def _filled(text: str, nothing: yaml.Node, value: Value) -> str:
    """The text with a value where a key has none."""
    start, end = nothing.start_mark.index, nothing.end_mark.index
    gap = "" if text[start - 1 : start].isspace() else " "
    return f"{text[:start]}{gap}{_flow(value)}{text[end:]}"


def _appended(
    text: str, node: yaml.CollectionNode, entry: Value, like: yaml.Node | None, *, block: bool
) -> str:
    """The text with one more entry at the end of a collection, in the style of its neighbour."""
    if node.flow_style:
        item = _flow(entry)[1:-1] if isinstance(node, yaml.MappingNode) else _flow(entry)
        if not node.value:
            at = node.start_mark.index + 1
            return text[:at] + item + text[at:]
        at = _last(node).end_mark.index
        return f"{text[:at]}, {item}{text[at:]}"
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = node.start_mark.column
    lines = _item(entry, like) if isinstance(node, yaml.SequenceNode) else _pairs(entry, like, block=block)
    added = "".join(f"{' ' * indent}{line}{newline}" for line in lines)
    at = _end_of_line(text, _innermost(node).end_mark.index)
    gap = "" if text[:at].endswith("\n") else newline
    return f"{text[:at]}{gap}{added}{text[at:]}"


def _last(node: yaml.CollectionNode) -> yaml.Node:
    """The value of its last entry."""
    last = node.value[-1]
    found: yaml.Node = last[1] if isinstance(last, tuple) else last
    return found


def _innermost(node: yaml.Node) -> yaml.Node:
    """The last thing that is written in a block: what ends where its text ends."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        node = _last(node)
    return node


def _end_of_line(text: str, at: int) -> int:
    """Where the next line begins; here, if this is the beginning of one."""
    if text[at - 1 : at] == "\n":
        return at
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _pairs(entry: Value, like: yaml.Node | None, *, block: bool = False) -> list[str]:
    """The lines of a block mapping."""
    pairs = entry.items() if isinstance(entry, Mapping) else ()
    return [line for key, value in pairs for line in _pair(key, value, like, block=block)]


def _item(entry: Value, like: yaml.Node | None) -> list[str]:
    """The lines of an entry of a block list."""
    if not isinstance(entry, Mapping) or not isinstance(like, yaml.MappingNode) or like.flow_style:
        return [f"- {_flow(entry)}"]
    lines = [line for key, value in entry.items() for line in _pair(key, value, _of(like, key), block=False)]
    return [f"{'  ' if number else '- '}{line}" for number, line in enumerate(lines)]


def _pair(key: str, value: Value, like: yaml.Node | None, *, block: bool) -> list[str]:
    head = f"{_scalar(key)}:"
    short = f"{head} {_flow(value)}"
    if isinstance(value, str) or not _spread(value, short, like, block=block):
        return [short]
    inner = [f"- {_flow(item)}" for item in value] if not isinstance(value, Mapping) else []
    if isinstance(value, Mapping):
        inner = [
            line for name, item in value.items() for line in _pair(name, item, _of(like, name), block=False)
        ]
    return [head, *(f"  {line}" for line in inner)]


def _spread(value: Value, short: str, like: yaml.Node | None, *, block: bool) -> bool:
    """Whether a collection takes several lines: as its neighbour does, when it is deep or long."""
    if block or len(short) > WIDTH:
        return True
    if isinstance(like, yaml.CollectionNode):
        return not like.flow_style
    inside = value.values() if isinstance(value, Mapping) else value
    return any(isinstance(item, Mapping) for item in inside)


def _of(like: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(like, yaml.MappingNode):
        return None
    return next((item for name, item in like.value if name.value == key), None)


def _flow(value: Value) -> str:
    """A value on one line."""
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(_flow(item) for item in value) + "]"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() != "null"
    return text if plain else json.dumps(text, ensure_ascii=False)
