"""Checks values against a document's schemas: the only importer of `jsonschema_rs`, a judge not of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from nexus_generators.openapi.document import Document

_URI = "json-schema:///document"
_SHOWN = 200


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._registry = jsonschema_rs.Registry([(_URI, document.data)])
        self._by_pointer: dict[str, jsonschema_rs.Draft202012Validator] = {}
        self._by_identity: dict[int, tuple[Any, jsonschema_rs.Draft202012Validator]] = {}

    def faults(self, pointer: str, value: Any) -> str:
        """What a value has against the schema at a pointer; the empty text means nothing."""
        if pointer not in self._by_pointer:
            ref = _absolute(self._document, pointer)
            self._by_pointer[pointer] = self._validator({"$ref": ref})
        error = next(iter(self._by_pointer[pointer].iter_errors(value)), None)
        if error is None:
            return ""
        place = "/".join(map(str, error.instance_path))
        return f"{place or 'it'}: {error.message[:_SHOWN]}"

    def valid(self, schema: Mapping[str, Any], value: Any) -> bool:
        """Whether a schema allows a value."""
        found = self._by_identity.get(id(schema))
        if found is None or found[0] is not schema:
            found = schema, self._validator(_with_absolute_refs(schema))
            self._by_identity[id(schema)] = found
        return bool(found[1].is_valid(value))

    def _validator(self, schema: Any) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry)


def _absolute(document: Document, pointer: str) -> str:
    """The address of what stands at a pointer whose steps may be references."""
    value: Any = document.data
    place = ""
    for part in pointer.split("/")[1:]:
        while isinstance(value, dict) and isinstance(value.get("$ref"), str):
            place = value["$ref"][1:]
            value = document.resolve(value["$ref"])
        name = part.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
        place = f"{place}/{part}"
    return f"{_URI}#{_quoted(place)}"


def _quoted(pointer: str) -> str:
    from urllib.parse import quote

    return quote(pointer, safe="/~!$&'()*+,;=:@-._")


def _with_absolute_refs(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _URI + item if key == "$ref" and isinstance(item, str) and item.startswith("#")
            else _with_absolute_refs(item)
            for key, item in value.items()
        }  # fmt: skip
    return [_with_absolute_refs(item) for item in value] if isinstance(value, list) else value
