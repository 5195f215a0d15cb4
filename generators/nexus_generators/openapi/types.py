"""Schemas as types: what is named in the document keeps its name, what is not is named after its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus_generators.openapi import limits
from nexus_generators.openapi.direction import MARK
from nexus_generators.openapi.document import Document
from nexus_generators.openapi.model import (
    Alias,
    Array,
    Choice,
    Constant,
    Declaration,
    Field,
    Map,
    Named,
    Nullable,
    Record,
    Scalar,
    Type,
    Union,
)
from nexus_generators.openapi.names import Names, pascal

ANY, NULL, STRING = Scalar("any"), Scalar("null"), Scalar("string")
_FORMATS = {"date": "date", "date-time": "date-time", "uuid": "uuid", "binary": "binary"}
_SHAPE = {"type", "properties", "items", "prefixItems", "enum", "const", "$ref", "allOf", "oneOf", "anyOf"}
_SHAPE_TOO = {"additionalProperties", "format", "patternProperties"}
_LIMITS = {"minLength", "maxLength", "pattern", "minimum", "maximum", "multipleOf"}
_LIMITS |= {"exclusiveMinimum", "exclusiveMaximum"}
_MOST_VARIANTS = 200
_DEEPEST = 60


class Types:
    """Builds types, and declares what they name on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._declared: dict[str, Declaration | None] = {}
        self._hints: dict[str, str] = {}
        self._depth = 0

    def named_schema(self, name: str) -> None:
        """Declare a component that nothing may refer to."""
        ref = "#/components/schemas/" + name.replace("~", "~0").replace("/", "~1")
        if ref not in self._declared and f"{ref}#form" not in self._declared:
            self._named(ref, form=False)

    def declarations(self) -> dict[str, Declaration]:
        """All declarations with their final names: components first, in the document's order."""
        order = {f"#/components/schemas/{name}": n for n, name in enumerate(self._document.schemas)}
        keys = sorted(self._declared, key=lambda key: order.get(key.removesuffix("#form"), len(order)))
        names = Names(pascal)
        result: dict[str, Declaration] = {}
        for key in keys:
            found = self._declared[key]
            if found is not None:
                name = names.take(self._hints[key], prefix="model")
                values = {slot: getattr(found, slot) for slot in found.__slots__}
                result[key] = type(found)(**{**values, "name": name})
        return result

    def of(self, schema: Any, hint: str, *, form: bool = False) -> Type:
        """The type of a schema; `hint` names what has no name; in a `form`, binary texts are files."""
        if not isinstance(schema, dict) or not schema:
            return ANY
        if self._depth > _DEEPEST:
            return ANY
        self._depth += 1
        try:
            return self._of(schema, hint, form)
        finally:
            self._depth -= 1

    def _of(self, schema: Mapping[str, Any], hint: str, form: bool) -> Type:
        if "$ref" in schema:
            narrowed = self._narrowed(schema)
            if not (_SHAPE | _SHAPE_TOO) - {"$ref"} & schema.keys() and not narrowed:
                return self._named(schema["$ref"], form=form)
            rest = {**narrowed, **{key: value for key, value in schema.items() if key != "$ref"}}
            return self.of({"allOf": [{"$ref": schema["$ref"]}, rest]}, hint, form=form)
        if "allOf" in schema:
            return self._all_of(schema, hint, form)
        for key in ("oneOf", "anyOf"):
            if key in schema and any(_says_something(v) for v in schema[key]):
                return self._one_of(schema, key, hint, form)
        if "const" in schema or "enum" in schema:
            return self._enum(schema, hint)
        return self._plain(schema, hint, form)

    def _narrowed(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The type of a plain value that limits beside its reference narrow; other types keep their name."""
        if not _LIMITS & schema.keys():
            return {}
        try:
            target = self._document.deref(schema)
        except LookupError:
            return {}
        plain = isinstance(target, dict) and not {"enum", "const", "allOf", "oneOf", "anyOf"} & target.keys()
        known = plain and target.get("type") in ("string", "integer", "number")
        return {"type": target["type"]} if known else {}

    def _named(self, ref: str, *, form: bool) -> Type:
        key = f"{ref}#form" if form else ref
        if key not in self._declared:
            try:
                target = self._document.resolve(ref)
            except LookupError:
                return ANY
            if form and not self._mentions_files(target):
                return self._named(ref, form=False)
            hint = _last_name(ref)
            self._declared[key] = None
            self._hints[key] = hint
            self._declared[key] = self._declaration(target, key, hint, form)
        return Named(key)

    def _mentions_files(self, schema: Any) -> bool:
        """Whether a part of it is binary; only then does a form need a declaration of its own."""
        stack, seen = [schema], set()
        while stack:
            part = stack.pop()
            if isinstance(part, list):
                stack.extend(part)
            elif isinstance(part, dict) and id(part) not in seen:
                seen.add(id(part))
                if part.get("format") == "binary" or "contentMediaType" in part:
                    return True
                if isinstance(part.get("$ref"), str):
                    try:
                        stack.append(self._document.resolve(part["$ref"]))
                    except LookupError:
                        continue
                stack.extend(part.values())
        return False

    def _declaration(self, schema: Any, key: str, hint: str, form: bool) -> Declaration:
        """What a named schema declares; an anonymous record or choice in its place takes its name."""
        before = set(self._declared)
        type_ = self.of(schema, hint, form=form)
        doc = _doc(schema)
        if isinstance(type_, Named) and type_.key not in before and type_.key.startswith("inline:"):
            made = self._declared.pop(type_.key)
            self._hints.pop(type_.key)
            if isinstance(made, Record | Choice):
                values = {slot: getattr(made, slot) for slot in made.__slots__}
                return type(made)(**{**values, "key": key, "doc": doc or made.doc})
        return Alias(key, "", doc, type_)

    def _inline(self, hint: str) -> str:
        key, number = f"inline:{hint}", 2
        while key in self._declared:
            key, number = f"inline:{hint}:{number}", number + 1
        self._declared[key] = None
        self._hints[key] = hint
        return key

    def _all_of(self, schema: Mapping[str, Any], hint: str, form: bool) -> Type:
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        parts = [part for part in schema["allOf"] if isinstance(part, dict) and _says_something(part)]
        if _says_something(rest):
            parts.append(rest)
        if len(parts) == 1:
            return self.of(parts[0], hint, form=form)
        merged = self._merge(parts, frozenset())
        if "$ref" in merged or "allOf" in merged:
            return ANY
        return self.of(merged, hint, form=form)

    def _merge(self, parts: list[Any], within: frozenset[str]) -> dict[str, Any]:
        """One schema that says what all parts say."""
        merged: dict[str, Any] = {}
        for part in parts:
            flat, inside = self._flat(part, within)
            properties = {**merged.get("properties", {}), **_joined(merged, flat)}
            required = [*merged.get("required", []), *flat.get("required", [])]
            unions: dict[str, Any] = {
                k: [*merged.get(k, []), *flat.get(k, [])] for k in ("oneOf", "anyOf") if k in flat
            }
            if len(unions) == 1 and any(key in merged for key in unions):
                flat = {k: v for k, v in flat.items() if k not in unions}  # a second union: the first decides
                unions = {}
            kinds = _common(merged.get("type"), flat.get("type"))
            merged |= flat
            del inside
            for key, value in (("properties", properties), ("required", required), ("type", kinds)):
                if value:
                    merged[key] = value
            merged |= unions
        if "type" not in merged and "properties" in merged:
            merged["type"] = "object"
        return merged

    def _flat(self, part: Any, within: frozenset[str]) -> tuple[dict[str, Any], frozenset[str]]:
        """A part without references or `allOf` at its top."""
        while isinstance(part, dict) and "$ref" in part:
            ref = part["$ref"]
            if ref in within:
                return {}, within
            within |= {ref}
            others = {key: value for key, value in part.items() if key != "$ref"}
            try:
                target = self._document.resolve(ref)
            except LookupError:
                return others, within
            part = self._merge([target, others], within) if _says_something(others) else target
        if not isinstance(part, dict):
            return {}, within
        if "allOf" in part:
            rest = {key: value for key, value in part.items() if key != "allOf"}
            return self._merge([*part["allOf"], rest], within), within
        return {
            k: v for k, v in part.items() if k not in {"title", "description", "example", "deprecated"}
        }, within

    def _one_of(self, schema: Mapping[str, Any], key: str, hint: str, form: bool) -> Type:
        rest = {k: v for k, v in schema.items() if k not in {key, "discriminator"}}
        found = [variant for variant in schema[key] if _says_something(variant)][:_MOST_VARIANTS]
        if "properties" not in rest and any(
            not _says_something(v) and "required" not in v for v in schema[key]
        ):
            return ANY  # one of them allows anything
        nullable = any(variant.get("type") == "null" for variant in found)
        options = [variant for variant in found if variant.get("type") != "null"]
        shared = {k: v for k, v in rest.items() if k in {"properties", "required", "additionalProperties"}}
        types: list[Type] = []
        for number, variant in enumerate(options):
            name = hint if len(options) == 1 else f"{hint} {_title(variant) or f'Option {number + 1}'}"
            whole = {"allOf": [variant, {"type": "object", **shared}]} if "properties" in shared else variant
            inner = self.of(whole, name, form=form)
            if isinstance(inner, Nullable):
                nullable, inner = True, inner.inner
            types.extend(inner.variants if isinstance(inner, Union) and not inner.mapping else [inner])
        unique = _distinct(types)
        made: Type = unique[0] if len(unique) == 1 else Union(unique, *self._discriminator(schema, unique))
        if not unique:
            return NULL
        if ANY in unique:
            return ANY
        return Nullable(made) if nullable else made

    def _discriminator(
        self, schema: Mapping[str, Any], variants: tuple[Type, ...]
    ) -> tuple[str, tuple[tuple[str, str], ...]]:
        said = schema.get("discriminator")
        if not isinstance(said, dict) or not isinstance(said.get("propertyName"), str):
            return "", ()
        keys = {v.key for v in variants if isinstance(v, Named)}
        mapping = {_last_name(key.removesuffix("#form")): key for key in keys}
        given = said.get("mapping")
        for value, target in given.items() if isinstance(given, dict) else ():
            ref = target if str(target).startswith("#") else f"#/components/schemas/{target}"
            if ref in keys:
                known = given if isinstance(given, dict) else {}
                mapping = {name: key for name, key in mapping.items() if key != ref or name in known}
                mapping[str(value)] = ref
        return said["propertyName"], tuple(sorted(mapping.items()))

    def _enum(self, schema: Mapping[str, Any], hint: str) -> Type:
        values = [schema["const"]] if "const" in schema else list(schema["enum"])
        nullable = None in values
        values = [value for value in values if value is not None]
        made: Type = ANY
        kinds = {type(value) for value in values}
        if not values:
            return NULL
        listed = limits.Limits(values=tuple(values))
        if kinds == {bool}:
            made = Constant(values[0]) if "const" in schema else Scalar("boolean", listed)
        elif kinds <= {str, int, float} and "const" in schema:
            made = Constant(values[0])
        elif len(kinds) == 1 and kinds <= {str, int}:
            key = self._inline(hint)
            kind = "string" if kinds == {str} else "integer"
            self._declared[key] = Choice(key, "", _doc(schema), kind, tuple(values))  # type: ignore[arg-type]
            made = Named(key)
        elif kinds <= {int, float}:
            made = Scalar("number", listed)
        return Nullable(made) if nullable and made != ANY else made

    def _plain(self, schema: Mapping[str, Any], hint: str, form: bool) -> Type:  # noqa: C901 - a rule for each type
        said = schema.get("type")
        if isinstance(said, list):
            types = [str(name) for name in said if name != "null"]
            parts = _distinct([self.of({**schema, "type": t}, hint, form=form) for t in types])
            inner: Type = NULL if not parts else parts[0] if len(parts) == 1 else Union(parts)
            nullable = len(types) < len(said)
            return Nullable(inner) if nullable and parts else inner
        if said is None:
            if {"properties", "additionalProperties", "patternProperties"} & schema.keys():
                said = "object"
            elif {"items", "prefixItems"} & schema.keys():
                said = "array"
            elif form and ("contentMediaType" in schema or schema.get("format") == "binary"):
                return Scalar("binary")
        match said:
            case "object":
                return self._object(schema, hint, form)
            case "array":
                return self._array(schema, hint, form)
            case "string":
                if form and "contentMediaType" in schema and "contentEncoding" not in schema:
                    return Scalar("binary")
                kind = _FORMATS.get(str(schema.get("format")), "string")
                kind = "string" if kind == "binary" and not form else kind
                return Scalar(kind, limits.read(schema, said))  # type: ignore[arg-type]
            case "integer" | "number" | "boolean" | "null":
                return Scalar(said, limits.read(schema, said))
        return ANY

    def _array(self, schema: Mapping[str, Any], hint: str, form: bool) -> Type:
        name, counted = f"{hint} Item", limits.read(schema, "array")
        if "prefixItems" in schema:
            parts = [
                self.of(part, f"{name} {n + 1}", form=form) for n, part in enumerate(schema["prefixItems"])
            ]
            if schema.get("items") is not False:
                parts.append(self.of(schema.get("items"), name, form=form))
            unique = _distinct(parts)
            item = ANY if ANY in unique else unique[0] if len(unique) == 1 else Union(unique)
            return Array(item, counted)
        return Array(self.of(schema.get("items"), name, form=form), counted)

    def _object(self, schema: Mapping[str, Any], hint: str, form: bool) -> Type:
        more = schema.get("additionalProperties", True)
        patterns = list((schema.get("patternProperties") or {}).values())
        properties = schema.get("properties") or {}
        counted = limits.read(schema, "object")
        if not properties and patterns and more in (True, False):
            parts = _distinct([self.of(p, f"{hint} Value", form=form) for p in patterns])
            return Map(parts[0] if len(parts) == 1 else ANY, counted)
        if not properties and more is not False:
            return Map(self.of(more, f"{hint} Value", form=form) if isinstance(more, dict) else ANY, counted)
        key = self._inline(hint)
        required = dict.fromkeys(schema.get("required") or ())
        unsaid = {name: more if isinstance(more, dict) else {} for name in required if name not in properties}
        fields = tuple(
            self._field(name, part, f"{hint} {name}", name in required, form)
            for name, part in {**properties, **unsaid}.items()
        )
        extra: Type | None = None
        if isinstance(more, dict):
            extra = self.of(more, f"{hint} Extra", form=form)
        elif schema.get("additionalProperties") is True:
            extra = ANY
        deprecated = schema.get("deprecated") is True
        closed = more is False and not patterns
        self._declared[key] = Record(key, "", _doc(schema), fields, extra, deprecated, closed, counted)
        return Named(key)

    def _field(self, name: str, schema: Any, hint: str, required: bool, form: bool) -> Field:
        type_ = self.of(schema, hint, form=form)
        said = schema if isinstance(schema, dict) else {}
        target = said
        if "$ref" in said:
            try:
                target = self._document.deref(said)
            except LookupError:
                target = said
        return Field(
            name,
            type_,
            required,
            _doc(said),
            said.get("default", target.get("default") if isinstance(target, dict) else None),
            deprecated=said.get("deprecated") is True,
            read_only=said.get("readOnly") is True,
            write_only=said.get("writeOnly") is True,
            one_way=said.get(MARK) is True,
        )


def _distinct(types: list[Type]) -> tuple[Type, ...]:
    """Each type once; one that comes with several limits has none that all its values keep."""
    found: dict[Type, Type] = {}
    for type_ in types:
        known = found.setdefault(type_, type_)
        if isinstance(known, Scalar) and isinstance(type_, Scalar) and known.limits != type_.limits:
            found[type_] = Scalar(known.kind)
    return tuple(found.values())


def _says_something(schema: Any) -> bool:
    """Whether a schema says more than which combinations of properties are allowed."""
    return isinstance(schema, dict) and bool((_SHAPE | _SHAPE_TOO) & schema.keys())


def _doc(schema: Any) -> str:
    said = schema.get("description") or schema.get("title") if isinstance(schema, dict) else ""
    return said if isinstance(said, str) else ""


def _title(schema: Mapping[str, Any]) -> str:
    said = schema.get("title")
    return said if isinstance(said, str) else ""


def _last_name(ref: str) -> str:
    parts = [part for part in ref.replace("~1", " ").replace("~0", "~").split("/") if part]
    generic = {"schema", "items", "content", "properties", "x-bundled", "components", "schemas", "0"}
    useful = [part for part in parts if part not in generic and part != "#"]
    return useful[-1] if useful else "Model"


def _joined(merged: Mapping[str, Any], flat: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of `flat`; one that both have must be what both say."""
    mine, theirs = merged.get("properties", {}), flat.get("properties", {})
    return {
        name: part if name not in mine or mine[name] == part or not _says_something(mine[name])
        else {"allOf": [mine[name], part]}
        for name, part in theirs.items()
    }  # fmt: skip


def _common(one: Any, other: Any) -> Any:
    """The types that both allow; what only one of them says counts."""
    if one is None or other is None:
        return one if other is None else other
    first = one if isinstance(one, list) else [one]
    second = other if isinstance(other, list) else [other]
    both = [name for name in first if name in second]
    if not both and "number" in first and "integer" in second:
        both = ["integer"]
    both = both or second
    return both[0] if len(both) == 1 else both
