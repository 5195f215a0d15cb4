"""A service of a compose file in one form: what may be written short is written out, paths are absolute.

Only then can two files be merged, and what follows has one case where the language has three.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.source import Location
from nexus_cli.interchange.located import ComposeFault, Map, Override, Reset, Seq, Text, place

MOST_PORTS = 100
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://|git@|github\.com/)")
_PORT = re.compile(
    r"(?:(?P<ip>\[[^\]]*\]|[^:/]*):)??(?:(?P<published>[0-9-]*):)?(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>\w+))?"
)


def service(written: Map, base: Path) -> Map:
    """The service in its one form; relative paths are below `base`."""
    return _each(written, _FORMS, base)


def resource(written: Map, base: Path) -> Map:
    """A top-level config or secret with its file's whole path."""
    return _each(written, {"file": _path}, base)


Form = Callable[[Any, Location, Path], Any]


def _each(written: Map, forms: Mapping[str, Form], base: Path) -> Map:
    result = Map({}, written.where, dict(written.keys_at))
    for key, value in written.items():
        form = forms.get(key)
        if form is None or value is None or isinstance(value, Reset):
            result[key] = value
        elif isinstance(value, Override):
            result[key] = Override(form(value.value, written.at(key), base))
        else:
            result[key] = form(value, written.at(key), base)
    return result


def absolute(text: str, base: Path) -> str:
    """A path of this machine, with `~` for the home folder."""
    expanded = Path(text).expanduser()
    return str(expanded if expanded.is_absolute() else _normal(base / expanded))


def _normal(path: Path) -> Path:
    """The path without `..`, and without a look at the disk."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return Path(*parts)


def _path(value: Any, where: Location, base: Path) -> Any:
    return Text(absolute(_text(value, where), base), place(value, where))


def _text(value: Any, where: Location) -> str:
    if not isinstance(value, str):
        raise ComposeFault("expected a text here", place(value, where))
    return value


def _words(value: Any, where: Location, base: Path) -> Any:
    """A command: a text is split as a shell would, without being one."""
    del base
    if not isinstance(value, str):
        return _sequence(value, where)
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise ComposeFault(f"the command cannot be split into words: {error}", place(value, where)) from error
    return Seq([Text(word, place(value, where)) for word in words], place(value, where))


def _texts(value: Any, where: Location, base: Path) -> Any:
    """A list; a single text is a list of one."""
    del base
    return Seq([value], place(value, where)) if isinstance(value, str) else _sequence(value, where)


def _sequence(value: Any, where: Location) -> Seq:
    if not isinstance(value, Seq):
        raise ComposeFault("expected a list here", place(value, where))
    return value


def _mapping(value: Any, where: Location) -> Map:
    if not isinstance(value, Map):
        raise ComposeFault("expected a mapping here", place(value, where))
    return value


def _pairs(value: Any, where: Location, base: Path) -> Any:
    """A mapping; of a list each `KEY=value` is an entry, and a bare `KEY` one without a value."""
    del base
    if not isinstance(value, Seq):
        return _mapping(value, where)
    result = Map({}, value.where)
    for item in value:
        text = _text(item, value.where)
        key, equals, rest = text.partition("=")
        at = place(item, value.where)
        result[key] = Text(rest, at) if equals else None
        result.keys_at[key] = at
    return result


def _named(value: Any, where: Location, base: Path) -> Any:
    """A mapping; each name of a list is an entry that says no more."""
    del base
    if not isinstance(value, Seq):
        return _mapping(value, where)
    places = {_text(item, value.where): place(item, value.where) for item in value}
    return Map(dict.fromkeys(places), value.where, places)


def _depends_on(value: Any, where: Location, base: Path) -> Any:
    named = _named(value, where, base)
    for name, entry in named.items():
        if entry is None:
            at = named.at(name)
            named[name] = Map({"condition": Text("service_started", at)}, at)
        else:
            _mapping(entry, named.at(name))
    return named


def _hosts(value: Any, where: Location, base: Path) -> Any:
    """More hosts as `name:address`."""
    del base
    if isinstance(value, Map):
        entries = [
            (name, address, value.at(name))
            for name, addresses in value.items()
            for address in (addresses if isinstance(addresses, list) else [addresses])
        ]
        return Seq([Text(f"{name}:{address}", at) for name, address, at in entries], value.where)
    entries = _sequence(value, where)
    made = (re.sub(r"^([^:=]+)[:=]", r"\1:", _text(item, where)) for item in entries)
    return Seq(
        [Text(text, place(item, where)) for text, item in zip(made, entries, strict=True)], entries.where
    )


def _build(value: Any, where: Location, base: Path) -> Any:
    written = (
        Map({"context": value}, place(value, where)) if isinstance(value, str) else _mapping(value, where)
    )
    return _each(written, {"context": _context, "args": _pairs, "labels": _pairs}, base)


def _context(value: Any, where: Location, base: Path) -> Any:
    text = _text(value, where)
    return value if _URL.match(text) else _path(value, where, base)


def is_remote(context: str) -> bool:
    """Whether a build's context is an address and not a folder."""
    return _URL.match(context) is not None


def _env_files(value: Any, where: Location, base: Path) -> Any:
    entries = []
    for item in _texts(value, where, base):
        entry = Map({"path": item}, place(item, where)) if isinstance(item, str) else _mapping(item, where)
        if not entry.get("path"):
            raise ComposeFault("an env file needs a path", place(entry, where))
        entries.append(_each(entry, {"path": _path}, base))
    return Seq(entries, place(value, where))


def _healthcheck(value: Any, where: Location, base: Path) -> Any:
    return _each(_mapping(value, where), {"test": _test}, base)


def _test(value: Any, where: Location, base: Path) -> Any:
    del base
    if isinstance(value, str):
        at = place(value, where)
        return Seq([Text("CMD-SHELL", at), value], at)
    return _sequence(value, where)


def _ports(value: Any, where: Location, base: Path) -> Any:
    del base
    entries: list[Map] = []
    for item in _sequence(value, where):
        at = place(item, where)
        if isinstance(item, Map):
            entries.append(item)
        else:
            entries.extend(_port(_text(item, at), at))
    return Seq(entries, place(value, where))


def _port(text: str, where: Location) -> Iterator[Map]:
    """`[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`, of which both may be ranges."""
    match = _PORT.fullmatch(text.strip())
    if match is None:
        raise ComposeFault(f"{text!r} is not a port", where, 'write it as "8080:80"')
    targets, published = _range(match["target"]), _range(match["published"] or "")
    if len(targets) > MOST_PORTS:  # told as a whole: nobody wants to read a thousand of them
        yield Map({"target": Text(text, where), "range": Text(match["target"], where)}, where)
        return
    several = len(targets) > 1
    if several and published and len(published) != len(targets):
        raise ComposeFault(f"{text!r}: the two ranges have different lengths", where)
    for index, target in enumerate(targets):
        entry = Map({"target": Text(str(target), where)}, where)
        if published:
            entry["published"] = Text(str(published[index] if several else published[0]), where)
        if match["ip"]:
            entry["host_ip"] = Text(match["ip"].strip("[]"), where)
        if match["protocol"]:
            entry["protocol"] = Text(match["protocol"], where)
        yield entry


def _range(text: str) -> range:
    first, dash, last = text.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        return range(0)
    return range(int(first), int(last or first) + 1)


def _volumes(value: Any, where: Location, base: Path) -> Any:
    made = [_volume(item, place(item, where), base) for item in _sequence(value, where)]
    return Seq(made, place(value, where))


def _volume(item: Any, where: Location, base: Path) -> Map:
    if isinstance(item, Map):
        if item.get("type") == "bind":
            return _each(item, {"source": _path}, base)
        return item
    parts = _volume_parts(_text(item, where))
    if len(parts) == 1:
        return Map({"type": Text("volume", where), "target": Text(parts[0], where)}, where)
    if not all(parts):
        raise ComposeFault(f"{str(item)!r}: nothing stands between two colons", where)
    source, target, *modes = parts
    is_bind = source.startswith((".", "/", "~")) or _WINDOWS.match(source)
    written = absolute(source, base) if is_bind else source
    entry = Map({"type": Text("bind" if is_bind else "volume", where), "source": Text(written, where)}, where)
    entry["target"] = Text(target, where)
    words = [word for mode in modes for word in mode.split(",") if word]
    if "ro" in words:
        entry["read_only"] = Text("true", where)
    others = [
        word for word in words if word not in {"ro", "rw", "z", "Z", "cached", "delegated", "consistent"}
    ]
    if others:
        entry["mode"] = Text(",".join(others), where)
    return entry


def _volume_parts(text: str) -> list[str]:
    """The parts between colons; the one after a drive's letter is none of them."""
    if _WINDOWS.match(text):
        first, *others = text[2:].split(":")
        return [text[:2] + first, *others]
    return text.split(":")


def _files(value: Any, where: Location, base: Path) -> Any:
    """Configs and secrets of a service: a bare name is its source."""
    del base
    made = []
    for item in _sequence(value, where):
        at = place(item, where)
        made.append(Map({"source": item}, at) if isinstance(item, str) else _mapping(item, at))
    return Seq(made, place(value, where))


def _ulimits(value: Any, where: Location, base: Path) -> Any:
    del base
    found = _mapping(value, where)
    for name, limit in found.items():
        if isinstance(limit, str):
            found[name] = Map({"soft": limit, "hard": limit}, place(limit, where))
    return found


_FORMS: Mapping[str, Form] = {
    "build": _build,
    "command": _words,
    "entrypoint": _words,
    "environment": _pairs,
    "env_file": _env_files,
    "labels": _pairs,
    "annotations": _pairs,
    "sysctls": _pairs,
    "extra_hosts": _hosts,
    "depends_on": _depends_on,
    "networks": _named,
    "healthcheck": _healthcheck,
    "ports": _ports,
    "volumes": _volumes,
    "configs": _files,
    "secrets": _files,
    "ulimits": _ulimits,
    **dict.fromkeys(
        ("tmpfs", "dns", "dns_search", "dns_opt", "expose", "links", "volumes_from", "profiles"), _texts
    ),
    **dict.fromkeys(("cap_add", "cap_drop", "devices", "group_add", "security_opt", "label_file"), _texts),
}
