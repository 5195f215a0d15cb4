"""Checks values against a document's schemas: the only importer of `jsonschema_rs`, a judge not of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nexus_generators.openapi.document import Document

from nexus_cli.errors import UsageError

if TYPE_CHECKING:
    import jsonschema_rs

_URI = "json-schema:///document"
_SHOWN = 200


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Document) -> None:
        import jsonschema_rs

        self._document = document
        self._registry = jsonschema_rs.Registry([(_URI, document.data)])
        self._quoted = False
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
        """The judge of a schema; where a reference is no address, all of them are made so first."""
        import jsonschema_rs

        try:
            return jsonschema_rs.Draft202012Validator(
                _with_quoted_refs(schema) if self._quoted else schema, registry=self._registry
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            if self._quoted:
                raise UsageError(
                    f"{self._document.name}: a schema cannot be judged: {error.message}"
                ) from None
        self._quoted = True
        self._registry = jsonschema_rs.Registry([(_URI, _with_quoted_refs(self._document.data))])
        return self._validator(schema)


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


def _quoted(pointer: str, more: str = "") -> str:
    from urllib.parse import quote

    return quote(pointer, safe="/~!$&'()*+,;=:@-._" + more)


def _address(ref: str) -> str:
    base, _, place = ref.partition("#")
    return f"{base}#" + re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", _quoted(place, "%"))


def _with_quoted_refs(value: Any) -> Any:
    """References as addresses are written; a percent sign that escapes nothing is escaped itself."""
    if isinstance(value, dict):
        return {
            key: _address(item) if key == "$ref" and isinstance(item, str) else _with_quoted_refs(item)
            for key, item in value.items()
        }
    return [_with_quoted_refs(item) for item in value] if isinstance(value, list) else value


def _with_absolute_refs(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _URI + item if key == "$ref" and isinstance(item, str) and item.startswith("#")
            else _with_absolute_refs(item)
            for key, item in value.items()
        }  # fmt: skip
    return [_with_absolute_refs(item) for item in value] if isinstance(value, list) else value
