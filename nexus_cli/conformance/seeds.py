"""What holds for seed data: the same rows from every type of service, once."""

from __future__ import annotations

import hashlib
from typing import Any

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import expect, require
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.samples import Resource
from nexus_cli.conformance.service import Service

_TENANT = "acme"


def seed_data_is_the_same_each_time(rig: Rig) -> None:
    """`seed COUNT` stores COUNT rows of each resource, the same each time; what is there already stays."""
    address = rig.empty_database()
    command = [*rig.migrate[:-1], "seed"]
    done = rig.attempt(rig.migrate, DATABASE_URL=address)
    expect("the exit code of the migration", done.code, 0)
    for count in ("2", "2", "3"):
        done = rig.attempt([*command, count], DATABASE_URL=address, SEED_TENANT=_TENANT)
        require(f"seed {count} succeeds: {done.err or done.out}", done.code == 0)
    expect("the exit code of a wrong count", rig.attempt([*command, "many"]).code, 2)
    with rig.another("seeded", DATABASE_URL=address) as service:
        for resource in resources_with(rig.answers, "list"):
            _expect_rows(rig, service, resource)


def _expect_rows(rig: Rig, service: Service, resource: Resource) -> None:
    path = samples.path(resource)
    items = service.get(path, x_tenant_id=_TENANT).json["items"]
    tenants = {r["name"] for r in rig.answers["resources"] if r.get("tenant")}
    ids = [identifier(resource["name"], number, tenants) for number in (1, 2, 3)]
    expect(f"the identifiers of GET {path}", [item["id"] for item in items], ids)
    for field in resource["fields"]:
        wanted = _value(resource, field, tenants)
        if wanted is not None:
            expect(f"{field['name']} of the second", items[1][field["name"]], wanted)


def _value(resource: Resource, field: Any, tenants: set[str]) -> Any:
    """What the second row holds, where it is written the same in every language."""
    target = field["target"] or ""
    own = target == resource["name"] and not field["unique"]
    values = {
        "string": f"{field['name'].replace('_', ' ').capitalize()} 2",
        "int": 2,
        "float": 2.5,
        "money": "2.99",
        "bool": False,
        "date": "2026-01-03",
        "uuid": identifier(f"{resource['name']} {field['name']}", 2, set()),
        "ref": identifier(target, 1 if own else 2, tenants),
        "json": {"n": 2},
    }
    values["text"] = values["string"]
    return field["values"][1 % len(field["values"])] if field["type"] == "enum" else values.get(field["type"])


def identifier(kind: str, number: int, tenants: set[str]) -> str:
    """The identifier of a seeded row."""
    said = f"{kind} of {_TENANT}" if kind in tenants else kind
    told = hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()
    return f"01900000-{told[:4]}-7{told[4:7]}-8{told[7:10]}-{number:012x}"
