"""The blueprint language as JSON Schema, for editors."""

from __future__ import annotations

from typing import Annotated, Any, Union

from pydantic import Discriminator, TypeAdapter

from nexus_cli.blueprint.model import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """One schema for every kind of blueprint, told apart by `kind`."""
    every: Any = Union[tuple(KINDS.values())]  # noqa: UP007 - made from a table
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[every, Discriminator("kind")])
    schema = adapter.json_schema(by_alias=True)
    for definition in schema["$defs"].values():
        properties = definition.get("properties", {})
        if "nexus" in properties and "kind" in properties:
            definition["required"] = sorted({*definition.get("required", []), "kind"})
        if "uses" in properties:
            use = properties["uses"]["items"]
            properties["uses"]["items"] = {"anyOf": [{"type": "string"}, use]}
        if "mounts" in properties:
            mount = properties["mounts"]["additionalProperties"]
            properties["mounts"]["additionalProperties"] = {"anyOf": [{"type": "string"}, mount]}
    return {"$schema": DIALECT, "title": "Nexus blueprint", **schema}
