"""The schemas of events: JSON Schema or Avro, by type and version."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fastavro
import fastavro.utils
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # who uses this reads it too

if TYPE_CHECKING:
    from pathlib import Path

_SAMPLES = 8


class SchemaError(ValueError):
    """Data that does not fit, or a version that readers of the one before could not read."""


@dataclass(slots=True)
class Schemas:
    """A registry; a type that it does not know is not checked."""

    known: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Schemas:
        """Take `TYPE.VERSION.json` of a folder, each version after the one before."""
        registry = cls()
        files = ((*path.stem.rpartition("."), path) for path in folder.glob("*.json"))
        for kind, _, version, path in sorted(files, key=lambda found: (found[0], int(found[2]))):
            number = registry.register(kind, json.loads(path.read_text("utf-8")))
            if number != int(version):
                raise SchemaError(f"{path.name} is version {number} of {kind}")
        return registry

    def register(self, kind: str, schema: dict[str, Any]) -> int:
        """Add the next version of a type; its number, counted from one."""
        versions = self.known.setdefault(kind, [])
        if versions and versions[-1] == schema:
            return len(versions)
        if versions:
            check_evolution(kind, versions[-1], schema)
        if not is_avro(schema):
            Draft202012Validator.check_schema(schema)
        versions.append(schema)
        return len(versions)

    async def refresh(self, kind: str) -> None:
        """Learn what others have registered, where they can."""

    def check(self, kind: str, data: Any) -> None:
        """Raise when data does not fit the newest version."""
        if kind not in self.known:
            return
        schema = self.known[kind][-1]
        if is_avro(schema):
            try:
                fastavro.validate(data, fastavro.parse_schema(schema))
            except fastavro.validation.ValidationError as error:
                raise SchemaError(f"{kind}: {error}") from error
            return
        faults = sorted(
            Draft202012Validator(schema).iter_errors(data), key=lambda fault: list(fault.path)
        )
        if faults:
            where = "/".join(map(str, faults[0].path)) or "the data"
            raise SchemaError(f"{kind}: {where}: {faults[0].message}")


def is_avro(schema: dict[str, Any]) -> bool:
    """Whether it is Avro's, else it is a JSON Schema."""
    return schema.get("type") == "record"


def check_evolution(kind: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse what readers of the older version could not read, or the other way round."""
    if is_avro(old) != is_avro(new):
        raise SchemaError(f"{kind}: a type keeps its kind of schema")
    if is_avro(old):
        for writer, reader in ((old, new), (new, old)):
            _check_avro(kind, writer, reader)
        return
    added = set(new.get("required", ())) - set(old.get("required", ()))
    gone = set(old.get("required", ())) - set(new.get("required", ()))
    if added or gone:
        raise SchemaError(f"{kind}: what is required stays: {', '.join(sorted(added | gone))}")
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before.keys() & after.keys():
        if before[name].get("type") != after[name].get("type"):
            raise SchemaError(f"{kind}: the type of {name} stays")


def _check_avro(kind: str, writer: dict[str, Any], reader: dict[str, Any]) -> None:
    """Let Avro itself resolve one with the other."""
    parsed = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    for sample in fastavro.utils.generate_many(writer, _SAMPLES):
        written = io.BytesIO()
        fastavro.schemaless_writer(written, parsed[0], sample)
        written.seek(0)
        try:
            fastavro.schemaless_reader(written, *parsed)
        except (fastavro.read.SchemaResolutionError, ValueError) as error:
            raise SchemaError(f"{kind}: not every reader could read it: {error}") from error
