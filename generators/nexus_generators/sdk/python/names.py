"""Every name that the Python client gives to parts of the API, decided once."""

from __future__ import annotations

import builtins
import keyword

import pydantic

from nexus_generators.openapi.model import Api, Choice, Operation, Record
from nexus_generators.openapi.names import Names, pascal, snake
from nexus_generators.sdk.groups import Group, Naming, grouped

KEYWORDS = frozenset({*keyword.kwlist, *keyword.softkwlist, "self", "cls", "l", "I", "O"})
_BUILTINS = frozenset(name for name in dir(builtins) if name.islower())
_MODEL = frozenset(name for name in dir(pydantic.BaseModel) if not name.startswith("__"))
_FIELDS = KEYWORDS | _MODEL | {"str", "int", "float", "bool", "list", "dict", "bytes", "nullable_"}
_CLASSES = frozenset(
    {"Model", "Any", "Annotated", "Literal", "TypeAlias", "TypeAliasType", "OpenStrEnum", "OpenIntEnum"}
    | {"Upload", "None", "True", "False", "ClassVar", "Field"}
    | {name for name in dir(builtins) if name[0].isupper()}
)
_ARGUMENTS = KEYWORDS | {"options", "body", "content_type", "core", "models"}
_METHODS = KEYWORDS | {
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
_CLIENT = KEYWORDS | {"close", "aclose", "raw", "core", "schemes"}
_MEMBERS = KEYWORDS | {"name", "value", "mro", "UNKNOWN"} | {name for name in dir(str) if name.islower()}
_MODULES = KEYWORDS | _BUILTINS


def decide(api: Api) -> Naming:
    """All names that must be known before anything is written."""
    classes = Names(pascal, _CLASSES)
    named = {key: classes.take(found.name, prefix="model") for key, found in api.declarations.items()}
    return Naming(named, grouped(api, _group))


def _group(tag: str, operations: list[Operation], taken: dict[str, Names]) -> Group:
    modules = taken.setdefault("modules", Names(snake, _MODULES))
    attributes = taken.setdefault("attributes", Names(snake, _CLIENT))
    classes = taken.setdefault("classes", Names(pascal, _CLASSES))
    methods = Names(snake, _METHODS)
    names = {op.pointer: methods.take(op.name, prefix="call") for op in operations}
    module, attribute, cls = (one.take(tag, prefix="group") for one in (modules, attributes, classes))
    return Group(tag, module, attribute, cls, names)


def fields(record: Record) -> dict[str, str]:
    """Attribute names by property."""
    names = Names(snake, _FIELDS)
    return {field.name: names.take(field.name, prefix="field") for field in record.fields}


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
