"""Texts of a document inside prose, and what the README of every language says alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nexus_generators.openapi.model import Api
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BASIC = 0xFFFF  # the last sign with an escape of four digits
_OTHER_BASE = "http://localhost"
_ONE_LINE = 200


def escaped(sign: str, quote: str) -> str:
    """A sign as it stands in a literal between such quotation marks."""
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if sign == quote:
        return "\\" + sign
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\u{code:04x}" if code <= _BASIC else f"\\U{code:08x}"


def visible(text: str) -> str:
    """A text without what hides or turns the text around it."""
    return _HIDDEN.sub(
        lambda found: f"<U+{ord(found[0]):04X}>", text.replace("\r\n", "\n").replace("\r", "\n")
    )


_CLASSES = {
    "400": "BadRequestError",
    "401": "AuthenticationError",
    "403": "PermissionDeniedError",
    "404": "NotFoundError",
    "409": "ConflictError",
    "422": "UnprocessableEntityError",
    "429": "RateLimitError",
}


def error_class(status: str, other: str) -> str:
    """The class of the error that a documented status becomes; `other` is that of all errors."""
    return _CLASSES.get(status, "ServerError" if status.startswith("5") else other)


def wrapped(line: str, width: int) -> list[str]:
    """The lines of a long line, broken between words only."""
    if len(line) <= width:
        return [line]
    lines, start = [], 0
    while len(line) - start > width:
        end = line.rfind(" ", start, start + width + 1)
        end = end if end > start else line.find(" ", start + width)
        if end < 0:
            break
        lines.append(line[start:end].rstrip())
        start = end + 1
    return [*lines, line[start:].strip()]


def line(text: str) -> str:
    """A text on one line, for Markdown and TOML: no markup, no control characters."""
    return " ".join(visible(text).split())[:_ONE_LINE]


def markdown(text: str) -> str:
    """A text inside a table or a heading of Markdown, as it is meant and not as markup."""
    clean = line(text)
    for sign in "\\`*_{}[]<>#|!":
        clean = clean.replace(sign, "&lt;" if sign == "<" else "&gt;" if sign == ">" else "\\" + sign)
    return clean


def code(text: str) -> str:
    """A text between backticks in a table."""
    return line(text).replace("`", "'").replace("|", "\\|")


def about(api: Api) -> str:
    """What an API is called, and what it says of itself beyond that."""
    said = dict.fromkeys(part.strip() for part in (api.title, api.doc) if part.strip())
    return "\n\n".join(said) or "The API"


def base_url(api: Api) -> str:
    """The first server of the document; a relative one is on this machine."""
    address = api.servers[0].address if api.servers else "/"
    return address if "://" in address else _OTHER_BASE + "/" + address.lstrip("/")


def operations(api: Api, naming: Naming, language: str, calls: Mapping[str, str]) -> Iterator[str]:
    """The operations in a README: each group with a call, by its tag, and a table."""
    yield "## Operations"
    yield ""
    yield "Each with its arguments and errors in [the reference](REFERENCE.md)."
    for group in naming.groups.values():
        yield from ("", f"### `client.{group.attribute}`", "", f"```{language}", calls[group.tag], "```", "")
        yield from ("| method | operation | |", "|---|---|---|")
        for op in naming.operations(api, group):
            yield f"| `{group.methods[op.pointer]}` | `{op.method} {code(op.path)}` | {markdown(op.summary)} |"


_MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def licence(package: Package) -> str:
    """`LICENSE`, which is yours after the first time: MIT where the document is, else nothing is given away."""
    if package.licence == "MIT":
        return f"MIT License\n\nCopyright (c) the owners of {package.name}\n\n{_MIT}"
    return (
        f"Copyright (c) the owners of {package.name}. All rights reserved.\n\n"
        "Put the licence here under which you hand this package on; it is kept when the client is generated again.\n"
    )


def changelog(package: Package) -> str:
    """`CHANGELOG.md`, which is yours after the first time."""
    return f"# Changelog\n\n## {package.version}\n\n- The first version, generated from the API's document.\n"
