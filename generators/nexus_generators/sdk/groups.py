"""Operations by tag, with the names that a language gives to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nexus_generators.openapi.model import Api, Operation
from nexus_generators.openapi.names import Names


@dataclass(frozen=True, slots=True)
class Group:
    """The operations that share a tag: file, attribute of the client, class; methods by an operation's pointer."""

    tag: str
    module: str
    attribute: str
    cls: str
    methods: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Naming:
    """Names of declarations by key, and groups by tag."""

    classes: Mapping[str, str]
    groups: Mapping[str, Group]

    def operations(self, api: Api, group: Group) -> list[Operation]:
        """The operations of a group, in the document's order."""
        return [operation for operation in api.operations if operation.group == group.tag]


def grouped(api: Api, name: Callable[[str, list[Operation], dict[str, Names]], Group]) -> dict[str, Group]:
    """The groups of an API; `name` gets a tag, its operations, and a place to keep the names that are taken."""
    by_tag: dict[str, list[Operation]] = {}
    for operation in api.operations:
        by_tag.setdefault(operation.group, []).append(operation)
    taken: dict[str, Names] = {}
    return {tag: name(tag, operations, taken) for tag, operations in by_tag.items()}


def method_names(operations: list[Operation], names: Names) -> dict[str, str]:
    """Names of a group's operations by pointer, which leave those free that go with them: `iter …`, `… stream`."""
    for operation in operations:
        if operation.paging is not None:
            names.spare((f"iter {operation.name}", f"iter {operation.name} pages"))
        if operation.streams and not operation.only_streams:
            names.spare((f"{operation.name} stream",))
    return {operation.pointer: names.take(operation.name, prefix="call") for operation in operations}


def argument_names(
    operation: Operation, names: Names, spelled: Callable[[str], str]
) -> dict[tuple[str, str], str]:
    """Argument names by location and name on the wire; the location tells two of one name apart."""
    taken: set[str] = set()
    result: dict[tuple[str, str], str] = {}
    for parameter in operation.parameters:
        plain = spelled(parameter.name)
        text = f"{parameter.name} {parameter.location}" if plain in taken else parameter.name
        taken.add(plain)
        result[parameter.location, parameter.name] = names.take(text, prefix="param")
    return result
