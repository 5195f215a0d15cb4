"""Every name that the Python client gives to parts of the API, decided once."""

from __future__ import annotations

import builtins
import keyword

from nexus_generators.openapi.model import Api, Choice, Operation, Record
from nexus_generators.openapi.names import Names, pascal, snake
from nexus_generators.sdk.groups import Group, Naming, argument_names, grouped, method_names

KEYWORDS = frozenset({*keyword.kwlist, *keyword.softkwlist, "self", "cls", "l", "I", "O"})
_BUILTINS = frozenset(name for name in dir(builtins) if name.islower())
MODEL = frozenset(
    [
        "_abc_impl",
        "_calculate_keys",
        "_copy_and_set_values",
        "_get_value",
        "_iter",
        "_setattr_handler",
        "construct",
        "copy",
        "dict",
        "from_orm",
        "json",
        "model_computed_fields",
        "model_config",
        "model_construct",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_extra",
        "model_fields",
        "model_fields_set",
        "model_json_schema",
        "model_parametrized_name",
        "model_post_init",
        "model_rebuild",
        "model_validate",
        "model_validate_json",
        "model_validate_strings",
        "parse_file",
        "parse_obj",
        "parse_raw",
        "schema",
        "schema_json",
        "update_forward_refs",
        "validate",
    ]
)
"""What every pydantic model has; importing pydantic to ask would cost more than all names."""
_FIELDS = KEYWORDS | MODEL | {"str", "int", "float", "bool", "list", "dict", "bytes", "nullable_", "always_"}
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
    names = method_names(operations, methods)
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
    return argument_names(operation, names, snake)
