"""Every name that the Go client gives to parts of the API, decided once: all of them are in one package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nexus_generators.openapi.model import (
    Alias,
    Api,
    Choice,
    Nullable,
    Operation,
    Record,
    Type,
    Union,
)
from nexus_generators.openapi.names import Names, snake, words
from nexus_generators.sdk.go.text import taggable
from nexus_generators.sdk.groups import Group, Naming, argument_names, grouped, method_names

RUNTIME = Path(__file__).resolve().parent / "runtime"
_INITIALS = frozenset(
    [
        "id",
        "url",
        "uri",
        "api",
        "http",
        "https",
        "json",
        "xml",
        "html",
        "uuid",
        "ip",
        "sql",
        "tls",
        "ssh",
        "ui",
        "cpu",
        "utf8",
        "acl",
        "dns",
    ]
)
_DECLARED = re.compile(r"^(?:func|type|var|const) (\w+)|^\t(\w+) +(?:struct|=)", re.MULTILINE)


def exported(text: str) -> str:
    """`GetPetByID`."""
    return "".join(word.upper() if word in _INITIALS else word.capitalize() for word in words(text))


@cache
def _taken() -> frozenset[str]:
    """What the runtime exports; what it keeps to itself is spelled in another way than all that is the API's."""
    texts = (path.read_text(encoding="utf-8") for path in RUNTIME.glob("*.go.txt"))
    found = {
        name for text in texts for pair in _DECLARED.findall(text) for name in pair if name[:1].isupper()
    }
    return frozenset(found | {"Client", "Servers", "Version", "NewClient", "Settings"})


@dataclass(frozen=True, slots=True)
class GoNaming(Naming):
    """Besides: constants of enums by (key, value), parameter structs and data of operations by pointer.

    `readers` are the functions that read unions with a discriminator, by the key of the union.
    """

    members: Mapping[tuple[str, str | int], str]
    params: Mapping[str, str]
    variables: Mapping[str, str]
    readers: Mapping[str, str]


def decide(api: Api) -> GoNaming:
    """All names that must be known before anything is written."""
    package = Names(exported)
    package.hold(_taken())
    classes = {key: package.take(found.name, prefix="model") for key, found in api.declarations.items()}
    members = {
        (found.key, value): package.take(f"{found.name} {str(value) or 'empty'}", prefix="value")
        for found in api.declarations.values()
        if isinstance(found, Choice)
        for value in found.values
    }

    def group(tag: str, operations: list[Operation], taken: dict[str, Names]) -> Group:
        modules = taken.setdefault("modules", Names(snake, {"client", "models", "doc"}))
        modules.hold(path.name.removesuffix(".go.txt") for path in RUNTIME.glob("*.go.txt"))
        attributes = taken.setdefault("attributes", Names(exported))
        module = modules.take(f"{tag} api" if tag.endswith("test") else tag, prefix="group")
        if module.endswith(("_test", "_linux", "_windows", "_darwin", "_js", "_wasm", "_arm", "_amd64")):
            module += "_operations"  # such endings mean something to Go
        methods = Names(exported)
        names = method_names(operations, methods)
        return Group(
            tag,
            module,
            attributes.take(tag, prefix="group"),
            package.take(f"{tag} service", prefix="group"),
            names,
        )

    groups = grouped(api, group)
    params = {op.pointer: package.take(f"{op.name} params", prefix="call") for op in api.operations}
    variables = {op.pointer: f"op{params[op.pointer]}" for op in api.operations}
    readers = {
        found.key: package.take(f"{found.name} value", prefix="model")
        for found in api.declarations.values()
        if isinstance(found, Alias) and told_apart(found.type)
    }
    return GoNaming(classes, groups, members, params, variables, readers)


def told_apart(type_: Type) -> Union | None:
    """The union that a type is, where a property tells which of its types a value has."""
    inner = type_.inner if isinstance(type_, Nullable) else type_
    return inner if isinstance(inner, Union) and inner.discriminator and inner.mapping else None


def fields(record: Record) -> dict[str, str]:
    """Field names by property."""
    names = Names(exported)
    if record.extra is not None or not all(taggable(field.name) for field in record.fields):
        names.hold({"Extra", "MarshalJSON", "UnmarshalJSON", "IsZero"})
    return {field.name: names.take(field.name, prefix="field") for field in record.fields}


def arguments(operation: Operation) -> dict[tuple[str, str], str]:
    """Field names by location and name on the wire; the location tells two of one name apart."""
    names = Names(exported)
    names.hold({"Body", "ContentType"})
    return argument_names(operation, names, exported)
