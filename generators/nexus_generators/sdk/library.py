"""What an emitter makes: files, and how each operation of the document is called in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nexus_cli.errors import UsageError
from nexus_generators.generator import File
from nexus_generators.openapi.model import Api
from nexus_generators.openapi.names import kebab, snake

_NAME = re.compile(r"@?[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,200}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Package:
    """How the library is to be called: `name` on the registry, `module` in an import, and its version."""

    name: str
    module: str
    version: str
    go_module: str = ""
    licence: str = ""

    @classmethod
    def of(cls, api: Api, name: str = "", version: str = "") -> Package:
        """The names that follow from the API's title where none are given."""
        if name and not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name of a package", hint="letters, digits and . _ - / @ make one"
            )
        chosen = name or kebab(api.title)
        bare = chosen.rsplit("/", 1)[-1]
        module = snake(bare)
        module = f"api_{module}" if module[0].isdigit() else module
        return cls(
            chosen,
            module,
            version or _version(api.version),
            chosen if "/" in chosen else f"example.com/{bare}",
            "MIT" if re.match(r"MIT\b", api.licence.strip()) else "",
        )


def _version(said: str) -> str:
    """A version that every registry takes: the document's numbers, or 0.1.0."""
    numbers = [part for part in said.lstrip("v").split("-")[0].split("+")[0].split(".") if part.isdigit()]
    if not numbers:
        return "0.1.0"
    return ".".join(str(int(part[:9])) for part in [*numbers, "0", "0"][:3])


@dataclass(frozen=True, slots=True)
class Call:
    """How an operation is called: `arguments` are by location and name on the wire."""

    group: str
    method: str
    arguments: Mapping[tuple[str, str], str]
    has_body: bool
    chooses_media: bool
    streams: bool


@dataclass(frozen=True, slots=True)
class Library:
    """The files of a client library, and the calls by an operation's pointer."""

    package: Package
    files: Mapping[str, File]
    calls: Mapping[str, Call] = field(default_factory=dict)
