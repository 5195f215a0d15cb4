"""The types of the Go client: structs, enums as strings with constants, and aliases."""

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
from nexus_generators.sdk.go.names import GoNaming, fields, told_apart
from nexus_generators.sdk.go.text import comment, literal, tag, taggable

_SCALARS = {
    "string": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "date": "Date",
    "date-time": "time.Time",
    "uuid": "string",
    "binary": "File",
    "any": "any",
    "null": "any",
}


class Types:
    """Types as Go writes them."""

    def __init__(self, api: Api, naming: GoNaming) -> None:
        self._api = api
        self._naming = naming

    def of(self, type_: Type) -> str:
        """The text of a type where a value must be."""
        match type_:
            case Scalar(kind):
                return _SCALARS[kind]
            case Constant(value):
                return (
                    "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "float64"
                )
            case Array(item):
                return f"[]{self.of(item)}"
            case Map(value):
                return f"map[string]{self.of(value)}"
            case Named(key):
                return self._naming.classes[key]
            case Nullable(inner):
                return self._pointer(inner)
            case Union():
                return "OneOf"

    def optional(self, type_: Type) -> str:
        """The text of a type where nothing may be; what may also be null is told apart."""
        plain = self._api.plain(type_)
        if isinstance(plain, Nullable):
            inner = self.of(plain.inner)
            return inner if inner == "any" else f"Nullable[{inner}]"
        return self._pointer(type_)

    def _pointer(self, type_: Type) -> str:
        text = self.of(type_)
        plain = self._api.plain(type_)
        empty = isinstance(plain, Array | Map | Union) or text in {"any", "OneOf"} or plain == Scalar("any")
        return text if empty or isinstance(plain, Nullable) or text.startswith("*") else f"*{text}"

    def field(self, field: Field, record: Record) -> str:
        """The text of a field's type; what would hold itself is a pointer."""
        if not field.required:
            return self.optional(field.type)
        text = self.of(field.type)
        found = self._api.record(field.type)
        return (
            f"*{text}"
            if found is not None and not text.startswith(("*", "Null")) and self._holds(found, record, set())
            else text
        )

    def _holds(self, record: Record, wanted: Record, seen: set[str]) -> bool:
        if record.key == wanted.key:
            return True
        seen.add(record.key)
        inner = (self._api.record(f.type) for f in record.fields if f.required)
        return any(
            one is not None and one.key not in seen and self._holds(one, wanted, seen) for one in inner
        )


def module(api: Api, naming: GoNaming, package: str) -> str:
    """The text of `models.go`."""
    types = Types(api, naming)
    parts: list[str] = []
    for found in api.declarations.values():
        name = naming.classes[found.key]
        match found:
            case Record():
                parts.append("\n".join(_record(found, name, types, api)))
            case Choice():
                parts.append("\n".join(_choice(found, name, naming)))
            case Alias():
                parts.append("\n".join(_alias(found, name, types, api, naming)))
    body = "\n\n".join(parts)
    wanted = [
        name
        for name, use in (("encoding/json", "json.Marshal("), ("fmt", "fmt.Errorf("), ("time", "time.Time"))
        if mentions(body, use)
    ]
    imports = "".join(f"import {literal(name)}\n" for name in wanted) + ("\n" if wanted else "")
    return f"package {package}\n\n{imports}{body}\n"


def _record(record: Record, name: str, types: Types, api: Api) -> Iterator[str]:
    yield from comment(record.doc or f"{name} is an object of the API.")
    if record.deprecated:
        yield from ("//", f"// Deprecated: the API has deprecated {name}.")
    names = fields(record)
    known = [field for field in record.fields if taggable(field.name)]
    extra = record.extra
    if len(known) < len(record.fields):
        extra = Scalar("any")  # names that no tag can carry
    yield f"type {name} struct {{"
    for field in known:
        said = field.doc + ("\n\nDeprecated: the API has deprecated it." if field.deprecated else "")
        yield from comment(said, "\t")
        yield f"\t{names[field.name]} {types.field(field, record)} {tag(field.name, optional=not field.required)}"
    if extra is not None:
        yield "\t// Extra holds the properties beyond those above."
        yield f'\tExtra map[string]{types.of(extra)} `json:"-"`'
    yield "}"
    needed = (field for field in known if field.required)
    told = [line for field in needed for line in alone(f"v.{names[field.name]}", field.type, api)]
    if extra is not None or told:
        all_ = "joinExtra(plain(v), v.Extra)" if extra is not None else "json.Marshal(plain(v))"
        yield from ("", "// MarshalJSON writes all properties.")
        yield from (f"func (v {name}) MarshalJSON() ([]byte, error) {{", *told, f"\ttype plain {name}")
        yield from (f"\treturn {all_}", "}")
    if extra is not None:
        listed = "".join(f", {literal(field.name)}" for field in known)
        yield from (
            "",
            "// UnmarshalJSON reads all properties.",
            f"func (v *{name}) UnmarshalJSON(data []byte) error {{",
            f"\ttype plain {name}",
            f"\treturn splitExtra(data, (*plain)(v), &v.Extra{listed})",
            "}",
        )


def alone(given: str, type_: Type, api: Api) -> Iterator[str]:
    """Statements that set something required which has one value only and was not given."""
    value = api.only_value(type_)
    if value:
        empty = (
            f"!{given}" if value is True else f'{given} == ""' if isinstance(value, str) else f"{given} == 0"
        )
        yield from (f"\tif {empty} {{", f"\t\t{given} = {literal(value)}", "\t}")


def _choice(choice: Choice, name: str, naming: GoNaming) -> Iterator[str]:
    yield from comment(
        choice.doc or f"{name} is one of the values below, or one that the API has added since."
    )
    yield f"type {name} {'string' if choice.kind == 'string' else 'int64'}"
    yield ""
    yield f"// The known values of {name}."
    yield "const ("
    for value in choice.values:
        yield f"\t{naming.members[choice.key, value]} {name} = {literal(value)}"
    yield ")"


def _alias(alias: Alias, name: str, types: Types, api: Api, naming: GoNaming) -> Iterator[str]:
    union = alias.type.inner if isinstance(alias.type, Nullable) else alias.type
    said = alias.doc or f"{name} is a type of the API."
    if isinstance(union, Union):
        variants = list(dict.fromkeys(map(types.of, union.variants)))
        said += f"\n\nIt is one of {', '.join(variants)}."
        said += f" {naming.readers[alias.key]} reads it." if alias.key in naming.readers else ""
    yield from comment(said)
    plain = api.plain(alias.type)
    own = isinstance(alias.type, Array | Map) or (
        isinstance(plain, Array | Map) and not isinstance(alias.type, Named)
    )
    text = types.of(alias.type)
    yield f"type {name} {'' if own else '= '}{text}"
    if alias.key in naming.readers:
        yield from _reader(alias, name, types, naming.readers[alias.key])


def _reader(alias: Alias, name: str, types: Types, reader: str) -> Iterator[str]:
    """A function that reads a union as what its discriminator says."""
    union = told_apart(alias.type)
    assert union is not None  # noqa: S101 - only those have readers
    wanted = literal(union.discriminator)
    yield ""
    yield from comment(f"{reader} is a {name} as the type that {wanted} says, for a type switch.")
    yield f"func {reader}(value {name}) (any, error) {{"
    yield f"\tswitch said := value.Property({wanted}); said {{"
    for value, key in union.mapping:
        yield f"\tcase {literal(value)}:"
        yield f"\t\treturn As[{types.of(Named(key))}](value)"
    yield "\tdefault:"
    yield f'\t\treturn nil, fmt.Errorf("%s is %q: no type of the API", {wanted}, said)'
    yield "\t}"
    yield "}"


def mentions(code: str, name: str) -> bool:
    """Whether code, and not a comment, uses a name."""
    return any(name in line for line in code.split("\n") if not line.lstrip().startswith("//"))
