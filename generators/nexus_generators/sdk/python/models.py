"""The models of the Python client: one module with every record, enum and alias."""

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
from nexus_generators.sdk.python.names import fields, members
from nexus_generators.sdk.python.text import docstring, literal, needed

_SCALARS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "date": "datetime.date",
    "date-time": "datetime.datetime",
    "uuid": "uuid.UUID",
    "binary": "Upload",
    "any": "Any",
    "null": "None",
}
_HEAD = '''"""What the API's requests and answers are made of."""

from __future__ import annotations

import datetime as datetime_
import uuid as uuid_
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import pydantic
from typing_extensions import TypeAliasType

from ._core import Model, OpenIntEnum, OpenStrEnum, Upload, by_discriminator, wire
'''


class Annotations:
    """Types as Python writes them; `prefix` leads to the module of the models."""

    def __init__(self, api: Api, naming: Naming, prefix: str = "") -> None:
        self._api = api
        self._naming = naming
        self._prefix = prefix
        self._core = "core." if prefix else ""

    def of(self, type_: Type) -> str:
        """The annotation of a type."""
        match type_:
            case Scalar():
                return self._scalar(type_)
            case Constant(value):
                return f"Literal[{literal(value)}]" if not isinstance(value, float) else "float"
            case Array(item):
                return f"list[{self.of(item)}]"
            case Map(value):
                return f"dict[str, {self.of(value)}]"
            case Named(key):
                return self._prefix + self._naming.classes[key]
            case Nullable(inner):
                text = self.of(inner)
                return text if text == "Any" or text.endswith("| None") else f"{text} | None"
            case Union():
                return self._union(type_)

    def only(self, type_: Type) -> str:
        """The value of a type that has no other; nothing where there is a choice."""
        value, plain = self._api.only_value(type_), self._api.plain(type_)
        if value is None or isinstance(value, float):
            return ""
        if not isinstance(plain, Named):
            return literal(value)
        found = self._api.declarations[plain.key]
        assert isinstance(found, Choice)  # noqa: S101 - nothing else that has a name has values
        return f"{self._prefix}{self._naming.classes[found.key]}.{members(found)[value]}"

    def _scalar(self, type_: Scalar) -> str:
        name = _SCALARS[type_.kind]
        if type_.kind == "binary":
            return self._core + name
        return name.replace(".", "_.", 1) if not self._prefix else name

    def _union(self, union: Union) -> str:
        parts = list(dict.fromkeys(self.of(variant) for variant in union.variants))
        text = " | ".join(parts)
        if len(parts) < 2 or not union.discriminator or not union.mapping:  # noqa: PLR2004
            return text
        named = [(value, key) for value, key in union.mapping if self._api.record(Named(key))]
        if not named:
            return text
        pairs = ", ".join(f"{literal(v)}: {self._prefix}{self._record(key)}" for v, key in named)
        chooser = f"{self._core}by_discriminator({literal(union.discriminator)}, lambda: {{{pairs}}})"
        return f"Annotated[{text}, {chooser}]"

    def _record(self, key: str) -> str:
        record = self._api.record(Named(key))
        assert record is not None  # noqa: S101 - the caller asked
        return self._naming.classes[record.key]


def module(api: Api, naming: Naming) -> str:
    """The text of `models.py`."""
    write = _Writer(api, naming)
    parts: list[str] = []
    aliases = [found for found in api.declarations.values() if isinstance(found, Alias)]
    declared = api.declarations.values()  # enums first: the defaults of records are their members
    parts.extend("\n".join(write.choice(found)) for found in declared if isinstance(found, Choice))
    parts.extend("\n".join(write.record(found)) for found in declared if isinstance(found, Record))
    parts.extend("\n".join(write.alias(found, recursive)) for found, recursive in _ordered(aliases))
    body = "\n\n".join(parts) + "\n"
    return f"{needed(_HEAD, body)}\n\n\n{body}"


class _Writer:
    def __init__(self, api: Api, naming: Naming) -> None:
        self._api = api
        self._naming = naming
        self._types = Annotations(api, naming)

    def record(self, record: Record) -> Iterator[str]:
        yield f"class {self._naming.classes[record.key]}(Model):"
        doc = record.doc + ("\n\nDeprecated." if record.deprecated else "")
        lines = docstring(doc, "    ")
        yield from lines
        names = fields(record)
        nullable = [names[f.name] for f in record.fields if isinstance(self._api.plain(f.type), Nullable)]
        always = [names[f.name] for f in record.fields if f.required and self._types.only(f.type)]
        if lines and record.fields:
            yield ""
        for marker, marked in (("nullable_", nullable), ("always_", always)):
            if marked:
                listed = ", ".join(literal(name) for name in marked)
                yield f"    {marker}: ClassVar[frozenset[str]] = frozenset({{{listed}}})"
        if nullable or always:
            yield ""
        if isinstance(record.extra, Type) and record.extra != Scalar("any"):
            yield f"    __pydantic_extra__: dict[str, {self._types.of(record.extra)}] = pydantic.Field(init=False)"
        for field in record.fields:
            yield from self._field(field, names[field.name])
        if not lines and not record.fields:
            yield "    pass"

    def _field(self, field: Field, name: str) -> Iterator[str]:
        text = self._types.of(field.type)
        default = self._types.only(field.type) if field.required else self._default(field)
        if not field.required and default is None and text != "Any" and not text.endswith("| None"):
            text = f"{text} | None"
        if name != field.name:
            text = f"Annotated[{text}, wire({literal(field.name)})]"
        end = "" if field.required and not default else f" = {default or 'None'}"
        yield f"    {name}: {text}{end}"
        said = ["Deprecated."] if field.deprecated else []
        said += ["Read only."] if field.read_only else []
        said += ["Write only."] if field.write_only else []
        yield from docstring("\n".join([field.doc, *said]).strip(), "    ")

    def _default(self, field: Field) -> str | None:
        """The documented default as Python writes it, where it is of the field's own type."""
        value, plain = field.default, self._api.plain(field.type)
        if value is None:
            return None
        if isinstance(plain, Nullable):
            plain = self._api.plain(plain.inner)
        if isinstance(plain, Scalar):
            kinds = {"string": str, "boolean": bool, "integer": int, "number": float}
            kind = kinds.get(plain.kind)
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            return literal(value) if kind is not None and type(value) is kind else None
        if isinstance(plain, Named):
            found = self._api.declarations[plain.key]
            if isinstance(found, Choice) and value in found.values and not isinstance(value, bool):
                return f"{self._naming.classes[found.key]}({literal(value)})"
        return None

    def choice(self, choice: Choice) -> Iterator[str]:
        base = "OpenStrEnum" if choice.kind == "string" else "OpenIntEnum"
        yield f"class {self._naming.classes[choice.key]}({base}):"
        lines = docstring(choice.doc, "    ")
        yield from lines
        if lines:
            yield ""
        for value, name in members(choice).items():
            yield f"    {name} = {literal(value)}"

    def alias(self, alias: Alias, recursive: bool) -> Iterator[str]:
        name, text = self._naming.classes[alias.key], self._types.of(alias.type)
        if recursive:
            yield f"{name} = TypeAliasType({literal(name)}, {literal(text)})"
        else:
            yield f"{name}: TypeAlias = {text}"
        yield from docstring(alias.doc, "")


def mentioned(type_: Type) -> Iterator[str]:
    """The keys of the declarations that a type names."""
    match type_:
        case Named(key):
            yield key
        case Array(inner) | Map(inner) | Nullable(inner):
            yield from mentioned(inner)
        case Union(variants=variants):
            for variant in variants:
                yield from mentioned(variant)
        case _:
            return


def _ordered(aliases: list[Alias]) -> Iterator[tuple[Alias, bool]]:
    """Aliases after those that they name; those that lead back to themselves are marked."""
    by_key = {alias.key: alias for alias in aliases}
    done: set[str] = set()
    recursive = {alias.key for alias in aliases if _reaches(alias.key, by_key)}

    def visit(alias: Alias) -> Iterator[tuple[Alias, bool]]:
        if alias.key in done:
            return
        done.add(alias.key)
        for key in mentioned(alias.type):
            if key in by_key and alias.key not in recursive:
                yield from visit(by_key[key])
        yield alias, alias.key in recursive

    for alias in sorted(aliases, key=lambda one: one.key not in recursive):
        yield from visit(alias)


def _reaches(start: str, aliases: dict[str, Alias]) -> bool:
    """Whether an alias leads back to itself through aliases alone."""
    stack, seen = [start], set()
    while stack:
        for key in mentioned(aliases[stack.pop()].type):
            if key == start:
                return True
            if key in aliases and key not in seen:
                seen.add(key)
                stack.append(key)
    return False
