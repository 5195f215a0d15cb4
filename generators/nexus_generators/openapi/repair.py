"""Mends what real documents get wrong, and turns 3.0's schemas into 3.1's; each repair leaves a note."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nexus_cli.errors import UsageError
from nexus_generators.openapi.direction import MARK
from nexus_generators.openapi.parse import Note, Parsed, pointer
from nexus_generators.openapi.swagger import METHODS

if TYPE_CHECKING:
    from nexus_generators.openapi.document import Document

TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}
_ONE = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
_ONE_TOO = ("unevaluatedItems", "unevaluatedProperties", "itemSchema", "contentSchema")
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_HOLDING = frozenset({*_ONE, *_ONE_TOO, *_MANY, *_NAMED, "items"})
_ANNOTATIONS = {
    "$ref",
    "description",
    "summary",
    "title",
    "deprecated",
    "example",
    "examples",
    "externalDocs",
}
_LOCATIONS = {"query", "path", "header", "cookie", "querystring"}
_OUTSIDE = {"description", "title", "default", "deprecated", "readOnly", "writeOnly", "example"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST_NOTES = 2000

Path = tuple[str | int, ...]


class Repair:
    """One walk over a document, from its root to the last schema."""

    def __init__(self, document: Document, parsed: Parsed) -> None:
        self._document = document
        self._parsed = parsed
        self._old = document.version.startswith(("2", "3.0"))
        self._seen: set[int] = set()
        self._visiting: set[str] = set()

    def run(self) -> None:
        """Mend the whole document in place."""
        data = self._document.data
        components = data["components"]
        self._schemas(components, ("components",))
        self._each(components["parameters"], ("components", "parameters"), self._parameter)
        self._each(components["headers"], ("components", "headers"), self._parameter)
        self._each(components["requestBodies"], ("components", "requestBodies"), self._content)
        self._each(components["responses"], ("components", "responses"), self._response)
        for name in ("pathItems", "callbacks"):
            if isinstance(components.get(name), dict):
                handle = self._item if name == "pathItems" else self._callback
                self._each(components[name], ("components", name), handle)
        self._each(data["paths"], ("paths",), self._item)
        if isinstance(data.get("webhooks"), dict):
            self._each(data["webhooks"], ("webhooks",), self._item)
        for key, part in (data.get("x-bundled") or {}).items():
            self._bundled(part, ("x-bundled", key))

    def note(self, code: str, message: str, path: Path) -> None:
        """Record what was mended."""
        notes = self._document.notes
        if len(notes) < _MOST_NOTES:
            notes.append(Note(code, message, pointer(path), self._parsed.line(path), self._parsed.name))

    def refuse(self, message: str, path: Path, hint: str | None = None) -> UsageError:
        """A fault that cannot be mended, with its place."""
        line = self._parsed.line(path)
        place = f"{self._parsed.name}:{line}" if line else f"{self._parsed.name}#{pointer(path)}"
        return UsageError(f"{place}: {message}", hint=hint)

    def _bundled(self, part: Any, path: Path) -> None:
        """Another file: its components if it has some, its paths, or else schemas by name."""
        if not isinstance(part, dict):
            return
        if isinstance(part.get("paths"), dict):
            self._each(part["paths"], (*path, "paths"), self._item)
        if isinstance(part.get("components"), dict):
            self._schemas(part["components"], (*path, "components"))
        if {"type", "properties", "allOf", "oneOf", "anyOf", "enum", "$ref"} & part.keys():
            self._schema(part, path)
            return
        for name in ("definitions", "schemas", "$defs"):
            if isinstance(part.get(name), dict):
                self._all(part[name], (*path, name))
        if not {"openapi", "swagger", "components", "paths"} & part.keys():
            if METHODS and set(METHODS) & part.keys():
                self._item(part, path)
            else:
                self._all(part, path)

    def _schemas(self, components: dict[str, Any], path: Path) -> None:
        if isinstance(components.get("schemas"), dict):
            self._all(components["schemas"], (*path, "schemas"))

    def _each(self, parts: dict[str, Any], path: Path, handle: Callable[[Any, Path], None]) -> None:
        for name in list(parts):
            place = (*path, name)
            if name.startswith("x-") and path[-1] == "paths":
                continue
            if not isinstance(parts[name], dict):
                self.note("not-a-mapping", f"{name!r} is no mapping and is left out", place)
                del parts[name]
                continue
            handle(parts[name], place)

    def _checked(self, part: dict[str, Any], path: Path) -> bool:
        """Whether a part is a reference, which then leads somewhere."""
        ref = part.get("$ref")
        if not isinstance(ref, str):
            return False
        try:
            self._document.resolve(ref)
        except LookupError:
            raise self.refuse(
                f"{ref!r} leads nowhere", path, hint="add what it names, or repair the reference"
            ) from None
        return True

    def _item(self, item: dict[str, Any], path: Path) -> None:
        if self._once(item) and not self._checked(item, path):
            self._parameters(item, path)
            for method in (*METHODS, "query"):
                if method in item:
                    self._operation(item, method, path)
            if isinstance(item.get("additionalOperations"), dict):
                for method in list(item["additionalOperations"]):
                    self._operation(item["additionalOperations"], method, (*path, "additionalOperations"))

    def _once(self, part: object) -> bool:
        if id(part) in self._seen:
            return False
        self._seen.add(id(part))
        return True

    def _operation(self, item: dict[str, Any], method: str, path: Path) -> None:
        place = (*path, method)
        operation = item[method]
        if not isinstance(operation, dict):
            raise self.refuse(f"the operation {method} is no mapping", place)
        self._parameters(operation, place)
        body = operation.get("requestBody")
        if isinstance(body, dict):
            self._content(body, (*place, "requestBody"))
        elif body is not None:
            self.note("not-a-mapping", "requestBody is no mapping and is left out", (*place, "requestBody"))
            del operation["requestBody"]
        if not isinstance(operation.get("responses"), dict) or not operation["responses"]:
            self.note("no-responses", "no responses: any answer is taken as it comes", place)
            operation["responses"] = {}
        self._each(operation["responses"], (*place, "responses"), self._response)
        for name, callback in (operation.get("callbacks") or {}).items():
            if isinstance(callback, dict):
                self._callback(callback, (*place, "callbacks", name))

    def _callback(self, callback: dict[str, Any], path: Path) -> None:
        if not self._checked(callback, path):
            for expression, item in callback.items():
                if isinstance(item, dict) and not expression.startswith("x-"):
                    self._item(item, (*path, expression))

    def _parameters(self, holder: dict[str, Any], path: Path) -> None:
        found = holder.get("parameters")
        if found is None:
            return
        if not isinstance(found, list):
            raise self.refuse("parameters must be a list", (*path, "parameters"))
        holder["parameters"] = [
            one for n, one in enumerate(found) if self._sendable(one, (*path, "parameters", n))
        ]
        for number, parameter in enumerate(holder["parameters"]):
            place = (*path, "parameters", number)
            if not isinstance(parameter, dict):
                raise self.refuse("a parameter must be a mapping", place)
            self._parameter(parameter, place)
            target = self._document.deref(parameter)
            if not isinstance(target, dict) or not isinstance(target.get("name"), str):
                raise self.refuse("a parameter has no name", place)
            if target.get("in") not in _LOCATIONS:
                raise self.refuse(f"a parameter cannot be in {target.get('in')!r}", place)
            if target["in"] == "path" and target.get("required") is not True:
                self.note("path-required", f"the path's parameter {target['name']!r} is required", place)
                target["required"] = True

    def _sendable(self, parameter: Any, path: Path) -> bool:
        """Whether HTTP has a way to carry a parameter."""
        try:
            said = self._document.deref(parameter)
        except LookupError:
            return True  # it is refused where it is looked at
        if not isinstance(said, dict) or said.get("in") not in {"header", "cookie"}:
            return True
        if _TOKEN.fullmatch(str(said.get("name"))):
            return True
        self.note(
            "header-name", f"{str(said.get('name'))[:80]!r} cannot be a header's or cookie's name", path
        )
        return False

    def _parameter(self, parameter: dict[str, Any], path: Path) -> None:
        if self._checked(parameter, path) or not self._once(parameter):
            return
        if "schema" in parameter:
            parameter["schema"] = self._schema(parameter["schema"], (*path, "schema"))
        elif isinstance(parameter.get("content"), dict):
            self._content(parameter, path)
        else:
            given = {key: parameter[key] for key in ("type", "format", "enum", "items") if key in parameter}
            self.note("no-schema", "a parameter without a schema is free text", path)
            parameter["schema"] = self._schema(given or {"type": "string"}, path)

    def _response(self, response: dict[str, Any], path: Path) -> None:
        if self._checked(response, path):
            return
        self._content(response, path)
        if isinstance(response.get("headers"), dict):
            self._each(response["headers"], (*path, "headers"), self._parameter)

    def _content(self, holder: dict[str, Any], path: Path) -> None:
        if self._checked(holder, path):
            return
        content = holder.get("content")
        if not isinstance(content, dict):
            if content is not None:
                self.note("not-a-mapping", "content is no mapping and is left out", (*path, "content"))
            holder["content"] = {}
            return
        for media, value in content.items():
            place = (*path, "content", media)
            if not isinstance(value, dict):
                content[media] = {}
                continue
            if "/" not in media:
                raise self.refuse(
                    f"{media[:80]!r} is no media type", place, hint="it looks like application/json"
                )
            for key in ("schema", "itemSchema"):
                if key in value:
                    value[key] = self._schema(value[key], (*place, key))

    def _all(self, schemas: dict[str, Any], path: Path) -> None:
        for name, schema in list(schemas.items()):
            schemas[name] = self._schema(schema, (*path, name))

    def _schema(self, schema: Any, path: Path) -> dict[str, Any]:
        if isinstance(schema, bool):
            if self._old and path[-1] != "additionalProperties":
                self.note("boolean-schema", "a boolean schema stands in a 3.0 document", path)
            return {} if schema else {"not": {}}
        if not isinstance(schema, dict):
            self.note("not-a-schema", "no schema: anything is allowed here", path)
            return {}
        if not self._once(schema):
            return schema
        if "$ref" in schema and not self._ref(schema, path):
            return schema
        self._type(schema, path)
        self._enum(schema, path)
        self._required(schema, path)
        self._limits(schema, path)
        self._children(schema, path)
        return self._nullable(schema, path)

    def _ref(self, schema: dict[str, Any], path: Path) -> bool:
        """Check a reference; says whether there is anything else in the schema to look at."""
        ref = schema["$ref"]
        if not isinstance(ref, str):
            self.note("unresolved-ref", "a reference is no text: anything is allowed here", path)
            del schema["$ref"]
            return True
        try:
            target, steps = self._document.resolve(ref), 0
            while isinstance(target, dict) and isinstance(target.get("$ref"), str) and steps < 50:  # noqa: PLR2004
                target, steps = self._document.resolve(target["$ref"]), steps + 1
        except LookupError:
            self.note("unresolved-ref", f"{ref[:200]!r} leads nowhere: anything is allowed here", path)
            del schema["$ref"]
            return True
        if steps == 50 or target is schema:  # noqa: PLR2004
            self.note("reference-loop", f"{ref[:200]!r} leads back to itself: anything is allowed here", path)
            del schema["$ref"]
            return True
        if self._old:
            extra = schema.keys() - _ANNOTATIONS - {"nullable"}
            if [key for key in extra if not key.startswith("x-")]:
                names = ", ".join(sorted(extra))
                self.note("ref-siblings", f"{names} beside $ref means nothing in 3.0 and is left out", path)
            for key in extra:
                del schema[key]
        return True

    def _type(self, schema: dict[str, Any], path: Path) -> None:
        said = schema.get("type")
        if said is None:
            schema.pop("type", None)
            return
        types = said if isinstance(said, list) else [said]
        known = [name for name in types if isinstance(name, str) and name in TYPES]
        if len(known) != len(types):
            if said == "file":
                schema |= {"type": "string", "format": "binary"}
                known = ["string"]
            self.note("unknown-type", f"the type {str(said)[:80]!r} is no type of OpenAPI", path)
        if isinstance(said, list) and self._old and known:
            self.note("type-list", "a list of types stands in a 3.0 document", path)
        if not known:
            del schema["type"]
        elif len(known) == 1:
            schema["type"] = known[0]
        else:
            schema["type"] = list(dict.fromkeys(known))

    def _enum(self, schema: dict[str, Any], path: Path) -> None:
        values = schema.get("enum")
        if values is None:
            schema.pop("enum", None)
            return
        if not isinstance(values, list) or not values:
            self.note("bad-enum", "enum must be a list of values; it is left out", path)
            del schema["enum"]
            return
        unique: dict[tuple[str, str], Any] = {}
        for value in values:
            unique.setdefault((type(value).__name__, repr(value)), value)
        if len(unique) != len(values):
            self.note("duplicate-enum", "a value of the enum stands twice", path)
            schema["enum"] = list(unique.values())

    def _required(self, schema: dict[str, Any], path: Path) -> None:
        required = schema.get("required")
        if required is None:
            schema.pop("required", None)
            return
        if not isinstance(required, list):
            self.note("bad-required", "required must be a list of names; it is left out", path)
            del schema["required"]
            return
        properties = schema.get("properties")
        own = properties if isinstance(properties, dict) else {}
        one_way = {
            name
            for name, part in own.items()
            if isinstance(part, dict) and (part.get("readOnly") is True or part.get("writeOnly") is True)
        }
        names = [name for name in dict.fromkeys(map(str, required)) if name not in one_way]
        for name in one_way & set(map(str, required)):
            own[name][MARK] = True
        if names:
            schema["required"] = names
        else:
            del schema["required"]

    def _limits(self, schema: dict[str, Any], path: Path) -> None:
        for edge in ("Minimum", "Maximum"):
            exclusive = schema.get(f"exclusive{edge}")
            if isinstance(exclusive, bool):
                if not self._old:
                    self.note("exclusive-limit", f"exclusive{edge} is a number since 3.1", path)
                del schema[f"exclusive{edge}"]
                if exclusive and edge.lower() in schema:
                    schema[f"exclusive{edge}"] = schema.pop(edge.lower())
        pattern = schema.get("pattern")
        if pattern is not None:
            try:
                re.compile(pattern)
            except (re.error, TypeError, RecursionError, OverflowError):
                self.note("bad-pattern", "the pattern is no regular expression; it is left out", path)
                del schema["pattern"]

    def _children(self, schema: dict[str, Any], path: Path) -> None:  # noqa: C901 - three kinds of keywords
        if _HOLDING.isdisjoint(schema):
            return
        if isinstance(schema.get("items"), list):
            self.note("items-list", "items is a list; since 3.1 that is prefixItems", path)
            schema["prefixItems"] = schema.pop("items")
        for key in (*_ONE, *_ONE_TOO):
            value = schema.get(key)
            if isinstance(value, dict):
                schema[key] = self._schema(value, (*path, key))
            elif key in schema and not isinstance(value, bool):
                self.note("not-a-schema", f"{key} is no schema and is left out", (*path, key))
                del schema[key]
        for key in _MANY:
            value = schema.get(key)
            if isinstance(value, list) and value:
                schema[key] = [self._schema(item, (*path, key, n)) for n, item in enumerate(value)]
                self._twice(schema, key, path)
            elif key in schema:
                self.note("not-a-schema", f"{key} must be a list of schemas; it is left out", (*path, key))
                del schema[key]
        for key in _NAMED:
            if isinstance(schema.get(key), dict):
                self._all(schema[key], (*path, key))
            elif key in schema:
                self.note("not-a-schema", f"{key} must be a mapping; it is left out", (*path, key))
                del schema[key]

    def _twice(self, schema: dict[str, Any], key: str, path: Path) -> None:
        """One of two that are alike can never be the only one that fits."""
        unique: list[Any] = []
        unique.extend(item for item in schema[key] if item not in unique)
        if len(unique) != len(schema[key]) and key == "oneOf":
            self.note("duplicate-variant", "two choices of oneOf are the same", path)
            schema[key] = unique

    def _nullable(self, schema: dict[str, Any], path: Path) -> dict[str, Any]:
        if "nullable" not in schema:
            return schema
        said = schema.pop("nullable")
        if not self._old:
            self.note("nullable", "nullable went with 3.1; it is read as one more type, null", path)
        if said is not True:
            return schema
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"].append(None)
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            schema["type"] = list(dict.fromkeys([*types, "null"]))
            if not {"$ref", "allOf", "anyOf", "oneOf"} & schema.keys():
                return schema
        if not {"$ref", "allOf", "anyOf", "oneOf"} & schema.keys():
            return schema
        kept = {key: schema.pop(key) for key in list(schema) if key not in _OUTSIDE}
        if isinstance(kept.get("type"), list):
            kept["type"] = [name for name in kept["type"] if name != "null"]
            kept["type"] = kept["type"][0] if len(kept["type"]) == 1 else kept["type"]
        self._seen.add(id(kept))
        schema["anyOf"] = [kept, {"type": "null"}]
        return schema
