"""How a later compose file, or a service that extends another, changes what was said before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nexus_cli.interchange.located import Map, Override, Reset, Seq

Key = Callable[[Any], str]
"""What makes two entries of a list the same one."""

_REPLACED = {("command",), ("entrypoint",), ("healthcheck", "test")}
_SAME: Mapping[tuple[str, ...], Key] = {
    ("ports",): lambda entry: repr([entry.get(k) for k in ("host_ip", "published", "target", "protocol")]),
    ("volumes",): lambda entry: repr(entry.get("target")),
    ("configs",): lambda entry: repr(entry.get("target") or entry.get("source")),
    ("secrets",): lambda entry: repr(entry.get("target") or entry.get("source")),
    ("env_file",): lambda entry: repr(entry.get("path")),
}


def merge(under: Map, over: Map, path: tuple[str, ...] = ()) -> Map:
    """One service laid over another, both in their one form."""
    result = Map(under, over.where, {**under.keys_at, **over.keys_at})
    for key, value in over.items():
        here = (*path, key)
        before = under.get(key)
        if isinstance(value, Reset):
            result.pop(key, None)
        elif isinstance(value, Override):
            result[key] = value.value
        elif here == ("logging",) and _drivers_differ(before, value):
            result[key] = value
        elif isinstance(before, Map) and isinstance(value, Map):
            result[key] = merge(before, value, here)
        elif isinstance(before, Seq) and isinstance(value, Seq) and here not in _REPLACED:
            result[key] = _joined(before, value, _SAME.get(here, repr))
        elif value is not None or before is None:
            result[key] = value
    return result


def settled(written: Any, path: tuple[str, ...] = ()) -> Any:
    """The value without marks that only mean something over an earlier one, and with each entry once."""
    if isinstance(written, Override):
        return settled(written.value, path)
    if isinstance(written, Map):
        kept = {k: settled(v, (*path, k)) for k, v in written.items() if not isinstance(v, Reset)}
        return Map(kept, written.where, written.keys_at)
    if path in _SAME and isinstance(written, Seq):
        return _joined(Seq([], written.where), written, _SAME[path])
    return written


def _drivers_differ(before: Any, value: Any) -> bool:
    return isinstance(before, Map) and isinstance(value, Map) and before.get("driver") != value.get("driver")


def _joined(before: Seq, value: Seq, same: Key) -> Seq:
    entries = {same(entry): entry for entry in before}
    for entry in value:
        entries[same(entry)] = entry
    return Seq(entries.values(), value.where)
