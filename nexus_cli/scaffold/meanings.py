"""Names of packages that mean something else already where code of their language says them."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Callable, Collection, Mapping

from nexus_cli.blueprint.model import Package
from nexus_cli.errors import UsageError
from nexus_cli.resources import bundled

_GO = """
    any append bool break byte cap case chan clear close comparable complex complex128 complex64 const
    continue copy default defer delete else error fallthrough false float32 float64 for func go goto if
    imag import init int int16 int32 int64 int8 interface internal iota len main make map max min new
    nil package panic print println range real recover return rune select string struct switch testdata
    true type uint uint16 uint32 uint64 uint8 uintptr var vendor
    bufio builtin bytes cmp context crypto embed errors expvar flag fmt hash html http image io iter
    json log maps math mime net os path plugin rand reflect regexp runtime slices slog sort sql strconv
    strings sync syscall template testing text time unicode unique unsafe url weak xml
"""
"""Keywords, predeclared names and words of the go command; then the packages that most files import."""
_NODE = """
    assert buffer child-process cluster console constants crypto dgram dns domain events fs http http2
    https inspector module net node os path process punycode querystring readline repl sea sqlite stream
    sys test timers tls tty url util v8 vm wasi worker-threads zlib
"""
_SCOPES = ("@node", "@npm", "@types")
"""Scopes of others; TypeScript takes what lies in @types for declarations of what runs."""

_Meaning = tuple[str, Collection[str], str]
"""What code says for a package, what that must not be, and whose it would be."""


def check_package_name(package: Package) -> None:
    """Refuse a package whose name would hide, or be taken for, something that its language has."""
    for said, taken, whose in _MEANINGS[package.language](package):
        if said in taken:
            raise UsageError(
                f'"{package.name}" would be {said}, which is {whose}', hint="choose another name"
            )


def _python(package: Package) -> list[_Meaning]:
    said = package.name.replace("-", "_")
    taken = {*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist}
    return [(said, taken, "Python's own"), (said, _libraries(), "a library that services are made of")]


def _libraries() -> set[str]:
    """What every Python service that uses the package has installed, by the names that code says for it."""
    folder = bundled("templates") / "service" / "fastapi" / "template"
    locks = (folder / f"requirements{kind}.lock.jinja" for kind in ("", "-dev"))
    pinned = (
        re.findall(r"^([a-z0-9-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE) for lock in locks
    )
    return {name.replace("-", "_") for names in pinned for name in names}


def _go(package: Package) -> list[_Meaning]:
    return [(package.name.replace("-", ""), _GO.split(), "Go's own")]


def _npm(package: Package) -> list[_Meaning]:
    return [
        (package.name, _NODE.split(), "Node's own"),
        (f"@{package.scope}", _SCOPES, "a scope of others"),
    ]


_MEANINGS: Mapping[str, Callable[[Package], list[_Meaning]]] = {
    "python": _python,
    "typescript": _npm,
    "go": _go,
}
