"""Variables in compose files: `${A:-b}` and its kin in texts, and the files that variables come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nexus_cli.blueprint.source import Location
from nexus_cli.errors import UsageError
from nexus_cli.interchange.located import ComposeFault

Unset = Callable[[str], None]
"""Told the name of a variable that has no value and no default."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "b": "\b", "a": "\a", "v": "\v"}


class BadTemplate(ValueError):
    """A text whose `$` stands for nothing that can be understood, or a variable that must have a value."""


def interpolate(text: str, values: Mapping[str, str], unset: Unset) -> str:
    """The text with each variable replaced, by the rules of the shell that compose has."""
    if "$" not in text:
        return text
    parts: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        parts.append(text[at:dollar])
        rest = text[dollar + 1 :]
        if rest.startswith("$"):
            parts.append("$")
            at = dollar + 2
        elif rest.startswith("{"):
            end = _closing(text, dollar)
            parts.append(_braced(text[dollar + 2 : end], values, unset))
            at = end + 1
        elif name := _NAME.match(rest):
            parts.append(_value(name[0], values, unset))
            at = dollar + 1 + name.end()
        else:
            raise BadTemplate(f"invalid interpolation format in {text!r}")
    return "".join([*parts, text[at:]])


def _closing(text: str, dollar: int) -> int:
    """Where the brace that opens after the dollar is closed."""
    depth, at = 0, dollar + 1
    while at < len(text):
        if text.startswith("${", at - 1):
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise BadTemplate(f"a brace is not closed in {text!r}")


def _braced(body: str, values: Mapping[str, str], unset: Unset) -> str:
    name = _NAME.match(body)
    if name is None:
        raise BadTemplate(f"invalid interpolation format ${{{body}}}")
    rest = body[name.end() :]
    if not rest:
        return _value(name[0], values, unset)
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise BadTemplate(f"invalid interpolation format ${{{body}}}")
    given, word = values.get(name[0]), rest[operator.end() :]
    present = bool(given) if operator[0].startswith(":") else given is not None
    match operator[0][-1]:
        case "-":
            return given or "" if present else interpolate(word, values, unset)
        case "+":
            return interpolate(word, values, unset) if present else ""
    if not present:
        said = interpolate(word, values, unset)
        raise BadTemplate(f"the variable {name[0]} must have a value" + (f": {said}" if said else ""))
    return given or ""


def _value(name: str, values: Mapping[str, str], unset: Unset) -> str:
    if name not in values:
        unset(name)
    return values.get(name, "")


def env_file(path: Path, shown: str, outer: Mapping[str, str], *, raw: bool = False) -> dict[str, str | None]:
    """The variables of an env file by the rules of compose; one that is only named has no value here.

    A value may name `outer` variables and those above it; `raw` takes the text after `=` as it is.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} is not UTF-8: {error.reason}") from error
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror}") from error
    found: dict[str, str | None] = {}
    for number, line in _logical_lines(text):
        try:
            name, value = _entry(
                line, {**{k: v for k, v in found.items() if v is not None}, **outer}, raw=raw
            )
        except BadTemplate as fault:
            raise ComposeFault(str(fault), Location(shown, number), "write KEY=value lines") from fault
        found[name] = value
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each entry with the number of its first line; one in quotes may go over several lines."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        first, line = number, lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        quote = line.partition("=")[2].strip()[:1]
        while quote in {'"', "'"} and not _is_closed(line, quote) and number < len(lines):
            line += "\n" + lines[number]
            number += 1
        yield first + 1, line


def _is_closed(line: str, quote: str) -> bool:
    body = line.partition("=")[2].strip()[1:]
    return re.search(r'(?<!\\)(?:\\\\)*"' if quote == '"' else "'", body) is not None


def _entry(line: str, values: Mapping[str, str], *, raw: bool) -> tuple[str, str | None]:
    written = re.sub(r"^\s*(?:export\s+)?", "", line)
    match = re.match(r"([^\s=:]+)\s*(?:=|:\s)[ \t]*", written)
    if match is None:
        name = written.strip()
        if not re.fullmatch(r"\S+", name):
            raise BadTemplate(f"{name!r} is not a variable")
        return name, None
    rest = written[match.end() :]
    if raw:
        return match[1], rest
    if rest.startswith("'"):
        return match[1], rest[1:].partition("'")[0]
    if rest.startswith('"'):
        body = re.match(r'"((?:\\.|[^"\\])*)"', rest, re.DOTALL)
        if body is None:
            raise BadTemplate(f"the quote of {match[1]} is not closed")
        return match[1], interpolate(re.sub(r"\\(.)", _unescaped, body[1], flags=re.DOTALL), values, _ignore)
    bare = re.split(r"(?:^|\s+)#", rest, maxsplit=1)[0].strip()
    return match[1], interpolate(bare, values, _ignore)


def _unescaped(match: re.Match[str]) -> str:
    letter = match[1]
    if letter == "$":
        return "$$"
    return _ESCAPES.get(letter, letter if letter in '"\\\n' else f"\\{letter}")


def _ignore(name: str) -> None:
    """A variable without a value is nothing in an env file."""
