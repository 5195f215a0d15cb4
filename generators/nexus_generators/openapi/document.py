"""A document ready to be worked with: one file, one dialect (3.1), each repair said in a note."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from nexus_cli.errors import UsageError
from nexus_generators.openapi import bundle, swagger
from nexus_generators.openapi.parse import Note, Parsed, parse, pointer
from nexus_generators.openapi.repair import Repair
from nexus_generators.openapi.swagger import METHODS

_REF_CHAIN = 50

Fetch = Callable[[str, str], tuple[str, str]]
"""The name and the text of what a reference leads to, from the name of the document that it stands in."""


@dataclass(slots=True)
class Document:
    """An OpenAPI document as data, with what had to be mended in it, and the text as it came."""

    name: str
    data: dict[str, Any]
    notes: list[Note] = field(default_factory=list)
    version: str = ""
    text: str = ""
    _resolved: dict[str, Any] = field(default_factory=dict)

    def resolve(self, ref: str) -> Any:
        """What a local reference leads to; a LookupError when it leads nowhere."""
        if ref not in self._resolved:
            self._resolved[ref] = _follow(self.data, ref)
        return self._resolved[ref]

    def deref(self, value: Any) -> Any:
        """A part of the document, or what it refers to."""
        for _ in range(_REF_CHAIN):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            value = self.resolve(value["$ref"])
        raise UsageError(f"{self.name}: references that lead to each other without end")

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """Path, method, operation and path item of every operation, in the document's order."""
        for path, item in self.data["paths"].items():
            resolved = self.deref(item)
            for method in resolved:
                if method in {*METHODS, "query"} and isinstance(resolved[method], dict):
                    yield path, method, resolved[method], resolved
            for method, operation in (resolved.get("additionalOperations") or {}).items():
                if isinstance(operation, dict):
                    yield path, method, operation, resolved

    @property
    def schemas(self) -> Mapping[str, Any]:
        """The named schemas."""
        found: Mapping[str, Any] = self.data["components"]["schemas"]
        return found


def _follow(root: Any, ref: str) -> Any:
    if not ref.startswith("#"):
        raise LookupError(ref)
    value = root
    for part in ref[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name not in value:  # a reference is part of a URL
            name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            try:
                value = value[int(name)]
            except (ValueError, IndexError):
                raise LookupError(ref) from None
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            raise LookupError(ref)
    return value


def load(text: str, name: str, fetch: Fetch | None = None) -> Document:
    """The document of a text; `fetch` reads other files and addresses that it refers to."""
    parsed = parse(text, name)
    notes = list(_notes_of_keys(parsed))
    data, version = _dialect(parsed)
    data = bundle.bundled(data, parsed, fetch)
    _complete(data, parsed, notes)
    document = Document(name, data, notes, version, text)
    Repair(document, parsed).run()
    return document


def _dialect(parsed: Parsed) -> tuple[dict[str, Any], str]:
    """The data as 3.x, and the version that the document says it has."""
    data = parsed.data
    if "swagger" in data:
        said = str(data["swagger"])
        if said not in {"2.0", "2"}:
            raise UsageError(f"{parsed.name}:{parsed.line(['swagger'])}: Swagger {said} is not supported")
        return swagger.convert(data), "2.0"
    said = str(data.get("openapi", ""))
    if not said.startswith(("3.0", "3.1", "3.2")):
        line = parsed.line(["openapi"]) or 1
        what = f"OpenAPI {said} is not supported" if said else "says nowhere which OpenAPI it is"
        hint = "2.0, 3.0, 3.1 and 3.2 are; a document begins with `openapi: 3.1.0`"
        raise UsageError(f"{parsed.name}:{line}: {what}", hint=hint)
    return data, said


def _notes_of_keys(parsed: Parsed) -> Iterator[Note]:
    for key, line in parsed.twice:
        message = f"the key {key[:80]!r} stands twice; the last one counts"
        yield Note("duplicate-key", message, "", line, parsed.name)
    paths = parsed.data.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        for method, operation in item.items() if isinstance(item, dict) else ():
            answers = operation.get("responses") if isinstance(operation, dict) else None
            if id(answers) in parsed.loose:
                place = ["paths", path, method, "responses"]
                said = "status codes without quotation marks are read as text"
                yield Note("unquoted-status", said, pointer(place), parsed.line(place), parsed.name)


def _complete(data: dict[str, Any], parsed: Parsed, notes: list[Note]) -> None:
    """The parts that everything else relies on are there, and are mappings."""
    for name, needed in (("info", True), ("paths", False), ("components", False)):
        if not isinstance(data.get(name), dict):
            if name in data and data[name] is not None:
                line = parsed.line([name])
                raise UsageError(f"{parsed.name}:{line}: {name} must be a mapping")
            data[name] = {}
            if needed or (name == "paths" and not data.get("webhooks") and not data.get("components")):
                notes.append(Note(f"no-{name}", f"there is no {name}", f"/{name}", 1, parsed.name))
    for name in ("schemas", "parameters", "responses", "requestBodies", "securitySchemes", "headers"):
        if not isinstance(data["components"].get(name), dict):
            data["components"][name] = {}
    info = data["info"]
    for name, value in (("title", "API"), ("version", "0.0.0")):
        if not isinstance(info.get(name), str) or not info[name].strip():
            if info.get(name) is None or info[name] == "":
                notes.append(Note(f"no-{name}", f"info has no {name}", f"/info/{name}", 1, parsed.name))
            info[name] = str(info[name]) if info.get(name) else value
