"""Bodies of requests, made from the fields of a resource."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Resource = Mapping[str, Any]
"""A resource as a template is told it: name, plural, fields, operations, states, events."""

_LONG = "x" * 256
_BEYOND = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")
"""Times that are valid where they are, and in UTC belong to no year from 1 to 9999."""
_DEEP: Any = json.loads("[" * 200 + "]" * 200)
_INVALID: Mapping[str, Sequence[Any]] = {
    "string": ["\0", _LONG, 7],
    "text": ["\0"],
    "int": [2**63, -(2**63) - 1, "seven", "7", 1.5, True],
    "float": ["much", "1.5", True],
    "money": [
        "NaN",
        "1.001",
        "a lot",
        "12345678901234567890.00",
        True,
        " 1 ",
        "1_000",
        "1e2",
        "+1",
        "1.",
        "\u0661",
    ],
    "bool": ["perhaps", "true", 1],
    "date": ["2026-02-30", "soon", 0, "0000-01-01"],
    "datetime": ["2026-01-01T12:00:00", "soon", 0, 1.5e-07, *_BEYOND],
    "uuid": ["x"],
    "enum": ["no-such-value"],
    "ref": ["x"],
    "json": [{"a": ["\0"]}, {"\0": 1}, _DEEP],
}


def path(resource: Resource) -> str:
    """Where the resource is found."""
    return f"/api/v1/{resource['plural']}"


def template(resource: Resource) -> str:
    """The path of one of them, as descriptions and metrics say it."""
    return f"{path(resource)}/{{{resource['name'].replace('-', '_')}_id}}"


def body(resource: Resource, number: int, references: Mapping[str, str]) -> dict[str, Any]:
    """A valid body, different for each number; `references` are identifiers by the name of their resource."""
    return {
        field["name"]: _value(field, number, references)
        for field in resource["fields"]
        if not (field["type"] == "ref" and field["optional"])
    }


def _value(field: Mapping[str, Any], number: int, references: Mapping[str, str]) -> Any:
    stamp = f"2026-01-{number % 28 + 1:02}"
    values: dict[str, Any] = {
        "string": f"{field['name']} {number}",
        "text": f"{field['name']} ü 🚀\n{number}",
        "int": number,
        "float": number + 0.5,
        "money": f"{number}.50",
        "bool": number % 2 == 0,
        "date": stamp,
        "datetime": f"{stamp}T12:00:00Z",
        "uuid": f"018f0000-0000-7000-8000-{number:012}",
        "json": {"n": [number, None, "ü"]},
    }
    if field["type"] == "enum":
        return field["values"][0] if field["default"] is None else field["default"]
    if field["type"] == "ref":
        return references.get(field["target"], values["uuid"])
    return values[field["type"]]


def default(field: Mapping[str, Any]) -> Any:
    """The value of a field that is absent; a blueprint says it as text."""
    said = field["default"]
    if said is not None and field["type"] == "money":
        return f"{Decimal(str(said)):.2f}"
    if said is None or field["type"] not in {"int", "float", "bool", "json"}:
        return said
    return json.loads(str(said).lower() if field["type"] == "bool" else str(said))


def invalid(resource: Resource) -> list[dict[str, Any]]:
    """Changes that must be refused, one wrong value in each."""
    changes = []
    for field in resource["fields"]:
        changes += [{field["name"]: value} for value in _INVALID.get(field["type"], ())]
        changes += [] if field["optional"] else [{field["name"]: None}]
    return changes


def status_field(resource: Resource) -> Mapping[str, Any] | None:
    """The field that the resource's states are about."""
    enums = (field for field in resource["fields"] if field["type"] == "enum")
    return next(enums, None) if resource["states"] else None
