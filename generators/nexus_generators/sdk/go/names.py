"""Every name that the Go client gives to parts of the API, decided once: all of them are in one package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nexus_generators.openapi.model import Api, Choice, Operation, Record
from nexus_generators.openapi.names import Names, snake, words
from nexus_generators.sdk.groups import Group, Naming, argument_names, grouped

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
    """What the runtime declares."""
    texts = (path.read_text(encoding="utf-8") for path in RUNTIME.glob("*.go.txt"))
    found = {name for text in texts for pair in _DECLARED.findall(text) for name in pair if name}
    return frozenset(found | {"Client", "Servers", "Version", "NewClient", "Settings"})


@dataclass(frozen=True, slots=True)
class GoNaming(Naming):
    """Besides: constants of enums by (key, value), parameter structs and data of operations by pointer."""

    members: Mapping[tuple[str, str | int], str]
    params: Mapping[str, str]
    variables: Mapping[str, str]


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
        names = {op.pointer: methods.take(op.name, prefix="call") for op in operations}
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
    return GoNaming(classes, groups, members, params, variables)


def fields(record: Record) -> dict[str, str]:
    """Field names by property."""
    names = Names(exported)
    names.hold({"Extra", "MarshalJSON", "UnmarshalJSON", "IsZero"})
    return {field.name: names.take(field.name, prefix="field") for field in record.fields}


def arguments(operation: Operation) -> dict[tuple[str, str], str]:
    """Field names by location and name on the wire; the location tells two of one name apart."""
    names = Names(exported)
    names.hold({"Body", "ContentType"})
    return argument_names(operation, names, exported)
