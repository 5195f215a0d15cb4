"""The types of the TypeScript client: one module with every record, enum and alias, as JSON has them."""

from __future__ import annotations

from collections.abc import Iterator

from nexus_generators.openapi.model import (
    Alias,
    Api,
    Array,
    Choice,
    Constant,
    Field,
    Map,
    Named,
    Nullable,
    Record,
    Scalar,
    Type,
    Union,
)
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.typescript.names import members
from nexus_generators.sdk.typescript.text import comment, key, literal

_SCALARS = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "date": "string",
    "date-time": "string",
    "uuid": "string",
    "binary": "Upload",
    "any": "unknown",
    "null": "null",
}


class Types:
    """Types as TypeScript writes them; `prefix` leads to the module of the models."""

    def __init__(self, api: Api, naming: Naming, prefix: str = "") -> None:
        self._api = api
        self._naming = naming
        self._prefix = prefix

    def of(self, type_: Type) -> str:
        """The text of a type."""
        match type_:
            case Scalar(kind):
                return "core.Upload" if kind == "binary" and self._prefix else _SCALARS[kind]
            case Constant(value):
                return literal(value)
            case Array(item):
                text = self.of(item)
                return f"({text})[]" if " " in text else f"{text}[]"
            case Map(value):
                return f"{{ [name: string]: {self.of(value)} }}"
            case Named(name):
                return self._prefix + self._naming.classes[name]
            case Nullable(inner):
                text = self.of(inner)
                return text if text == "unknown" else f"{text} | null"
            case Union(variants):
                parts = list(dict.fromkeys(self._variant(type_, variant) for variant in variants))
                return "unknown" if "unknown" in parts else " | ".join(parts)

    def _variant(self, union: Union, variant: Type) -> str:
        """One of several types, with the values of the discriminator that lead to it: so that a check narrows."""
        text = self.of(variant)
        values = [value for value, name in union.mapping if variant == Named(name)]
        record = self._api.record(variant)
        if record is None or not values or not union.discriminator:
            return text
        field = next((f for f in record.fields if f.name == union.discriminator), None)
        plain = self._api.plain(field.type) if field is not None else Scalar("string")
        chosen = self._api.declarations[plain.key] if isinstance(plain, Named) else None
        if isinstance(chosen, Choice):
            open_ = chosen.kind == "string"
        else:
            open_ = isinstance(plain, Scalar) and plain.kind == "string"
        if not open_:
            return text  # what is no open text tells itself apart
        return f"({text} & {{ {key(union.discriminator)}: {' | '.join(map(literal, values))} }})"


def module(api: Api, naming: Naming) -> str:
    """The text of `models.ts`."""
    types = Types(api, naming)
    parts = ['import type { Upload } from "./core/index.ts";\n\nexport type { Upload };']
    for found in api.declarations.values():
        name = naming.classes[found.key]
        match found:
            case Record():
                parts.append("\n".join(_record(found, name, types)))
            case Choice():
                parts.append("\n".join(_choice(found, name)))
            case Alias():
                lines = [*comment(found.doc, ""), f"export type {name} = {types.of(found.type)};"]
                parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _record(record: Record, name: str, types: Types) -> Iterator[str]:
    yield from comment(record.doc + ("\n\n@deprecated" if record.deprecated else ""), "")
    if not record.fields:
        yield f"export type {name} = Record<string, {'never' if record.extra is None else 'unknown'}>;"
        return
    yield f"export interface {name} {{"
    for field in record.fields:
        yield from _field(field, types)
    if record.extra is not None:
        yield "  /** Properties beyond those above. */"
        yield "  [name: string]: unknown;"
    yield "}"


def _field(field: Field, types: Types) -> Iterator[str]:
    said = [field.doc]
    if field.default is not None and isinstance(field.default, str | int | float | bool):
        said.append(f"@defaultValue {literal(field.default)}")
    said += ["@deprecated"] if field.deprecated else []
    yield from comment("\n".join(part for part in said if part), "  ")
    readonly = "readonly " if field.read_only else ""
    yield f"  {readonly}{key(field.name)}{'' if field.required else '?'}: {types.of(field.type)};"


def _choice(choice: Choice, name: str) -> Iterator[str]:
    """Values that are known, and a type that takes others too: servers add to their enums."""
    yield from comment(choice.doc, "")
    values = " | ".join(literal(value) for value in choice.values)
    other = "(string & {})" if choice.kind == "string" else "(number & {})"
    yield f"export type {name} = {values} | {other};"
    yield ""
    yield f"/** The known values of {{@link {name}}}. */"
    yield f"export const {name} = {{"
    for value, member in members(choice).items():
        yield f"  {member}: {literal(value)},"
    yield "} as const;"
