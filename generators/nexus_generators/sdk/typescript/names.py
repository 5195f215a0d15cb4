"""Every name that the TypeScript client gives to parts of the API, decided once."""

from __future__ import annotations

from nexus_generators.openapi.model import Api, Choice, Operation
from nexus_generators.openapi.names import Names, camel, kebab, pascal
from nexus_generators.sdk.groups import Group, Naming, argument_names, grouped, method_names

_KEYWORDS = frozenset(
    [
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "import",
        "in",
        "instanceof",
        "new",
        "null",
        "return",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
        "while",
        "with",
        "implements",
        "interface",
        "let",
        "package",
        "private",
        "protected",
        "public",
        "static",
        "yield",
        "await",
        "async",
        "arguments",
        "eval",
    ]
)
_GLOBALS = frozenset(
    [
        "Array",
        "ArrayBuffer",
        "Blob",
        "Boolean",
        "Date",
        "Error",
        "File",
        "Function",
        "Map",
        "Number",
        "Object",
        "Promise",
        "Record",
        "Set",
        "String",
        "Symbol",
        "Uint8Array",
        "Upload",
        "Partial",
        "Readonly",
        "Request",
        "Response",
    ]
)
_CLIENT = _KEYWORDS | {"constructor", "core", "then"}
OBJECT = {
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
}
OBJECT |= {"valueOf"}
"""What every object has: a setting or an argument of such a name would seem to be given where it is not."""
_METHODS = {"constructor", "core", "then"}


def decide(api: Api) -> Naming:
    """All names that must be known before anything is written."""
    classes = Names(pascal, _GLOBALS)
    named = {key: classes.take(found.name, prefix="model") for key, found in api.declarations.items()}
    return Naming(named, grouped(api, _group))


def _group(tag: str, operations: list[Operation], taken: dict[str, Names]) -> Group:
    modules = taken.setdefault("modules", Names(kebab, {"index"}))
    attributes = taken.setdefault("attributes", Names(camel, _CLIENT))
    classes = taken.setdefault("classes", Names(pascal, _GLOBALS | {"Client"}))
    methods = Names(camel, _METHODS)
    names = method_names(operations, methods)
    module, attribute, cls = (one.take(tag, prefix="group") for one in (modules, attributes, classes))
    return Group(tag, module, attribute, cls, names)


def members(choice: Choice) -> dict[str | int, str]:
    """Constant names by value."""
    names = Names(pascal, {"constructor"})
    return {value: names.take(str(value) or "empty", prefix="value") for value in choice.values}


def arguments(operation: Operation) -> dict[tuple[str, str], str]:
    """Argument names by location and name on the wire; the location tells two of one name apart."""
    names = Names(camel, OBJECT | {"body", "contentType"})
    return argument_names(operation, names, camel)
