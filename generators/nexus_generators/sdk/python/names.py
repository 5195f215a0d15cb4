"""Every name that the Python client gives to parts of the API, decided once."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Mapping
from dataclasses import dataclass

import pydantic

from nexus_generators.openapi.model import Api, Choice, Operation, Record
from nexus_generators.openapi.names import Names, pascal, snake

_KEYWORDS = frozenset({*keyword.kwlist, *keyword.softkwlist, "self", "cls"})
_BUILTINS = frozenset(name for name in dir(builtins) if name.islower())
_MODEL = frozenset(name for name in dir(pydantic.BaseModel) if not name.startswith("__"))
_FIELDS = _KEYWORDS | _MODEL | {"str", "int", "float", "bool", "list", "dict", "bytes", "nullable_"}
_CLASSES = frozenset(
    {"Model", "Any", "Annotated", "Literal", "TypeAlias", "TypeAliasType", "OpenStrEnum", "OpenIntEnum"}
    | {"Upload", "None", "True", "False", "ClassVar", "Field"}
    | {name for name in dir(builtins) if name[0].isupper()}
)
_ARGUMENTS = _KEYWORDS | {"options", "body", "content_type", "core", "models"}
_METHODS = _KEYWORDS | {
    "datetime",
    "uuid",
    "core",
    "models",
    "str",
    "int",
    "float",
    "bool",
    "list",
    "dict",
    "bytes",
    "type",
    "property",
}
_CLIENT = _KEYWORDS | {"close", "aclose", "raw", "core", "schemes"}
_MEMBERS = _KEYWORDS | {"name", "value", "mro", "UNKNOWN"} | {name for name in dir(str) if name.islower()}
_MODULES = _KEYWORDS | _BUILTINS


@dataclass(frozen=True, slots=True)
class Group:
    """The operations that share a tag, and what they are called together."""

    tag: str
    module: str
    attribute: str
    cls: str
    methods: Mapping[str, str]
    """Method names by an operation's pointer."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Names by declaration key, by (key, property), by pointer."""

    classes: Mapping[str, str]
    groups: Mapping[str, Group]

    def group(self, operation: Operation) -> Group:
        """The group of an operation."""
        return self.groups[operation.group]


def decide(api: Api) -> Naming:
    """All names that must be known before anything is written."""
    classes = Names(pascal, _CLASSES)
    named = {key: classes.take(found.name, prefix="model") for key, found in api.declarations.items()}
    modules, attributes, types = Names(snake, _MODULES), Names(snake, _CLIENT), Names(pascal, _CLASSES)
    groups: dict[str, Group] = {}
    by_tag: dict[str, list[Operation]] = {}
    for operation in api.operations:
        by_tag.setdefault(operation.group, []).append(operation)
    for tag, operations in by_tag.items():
        methods = Names(snake, _METHODS)
        names = {op.pointer: methods.take(op.name, prefix="call") for op in operations}
        parts = modules.take(tag, prefix="group"), attributes.take(tag, prefix="group")
        groups[tag] = Group(tag, *parts, types.take(tag, prefix="group"), names)
    return Naming(named, groups)


def fields(record: Record) -> dict[str, str]:
    """Attribute names by property."""
    names = Names(_field_style, _FIELDS)
    return {field.name: names.take(field.name, prefix="field") for field in record.fields}


def _field_style(text: str) -> str:
    return snake(text)


def members(choice: Choice) -> dict[str | int, str]:
    """Constant names by value."""
    names = Names(lambda text: snake(text).upper(), _MEMBERS)
    return {value: names.take(str(value) or "empty", prefix="value") for value in choice.values}


def arguments(operation: Operation) -> dict[tuple[str, str], str]:
    """Argument names by location and name on the wire; the location tells two of one name apart."""
    names = Names(snake, _ARGUMENTS)
    taken: set[str] = set()
    result: dict[tuple[str, str], str] = {}
    for parameter in operation.parameters:
        plain = snake(parameter.name)
        text = f"{parameter.name} {parameter.location}" if plain in taken else parameter.name
        taken.add(plain)
        result[parameter.location, parameter.name] = names.take(text, prefix="param")
    return result
