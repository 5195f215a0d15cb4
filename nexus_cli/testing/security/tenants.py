"""Tenants: what belongs to one is not there for another, whatever they ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case, Status
from nexus_cli.testing.items import Items
from nexus_cli.testing.operations import NOBODY, Operation

KIND = "security"
_KEPT_OUT = frozenset({401, 403, 404})
_NO_TENANT = frozenset({401, 403})
_OWNER, _OTHER = "nexus-test-a", "nexus-test-b"
As = Callable[[str], Mapping[str, str]]
"""The headers of somebody of a tenant; of nobody's, for the empty name."""


def cases(gateway: Gateway, operations: Sequence[Operation], of: As) -> Iterator[Case]:
    """One case for each resource of tenants that can be created."""
    for create in operations:
        resource = create.resource
        if resource and resource.get("tenant") and create.does == "create":
            own = [o for o in operations if o.service == create.service and o.resource is resource]
            items = Items(gateway, operations, of(_OWNER))
            try:
                yield _apart(gateway, create, own, items, of)
            finally:
                items.remove()


def _apart(gateway: Gateway, create: Operation, own: Sequence[Operation], items: Items, of: As) -> Case:
    began = time.monotonic()
    name = f"{create.path} keeps tenants apart"
    identifier = items.one(create)
    if identifier == NOBODY:
        why = f"{create.name} makes none: its own rules want more than its fields say"
        return Case(KIND, create.service, name, "not run", message=why)
    faults = []
    for operation in own:
        body: dict[str, object] | None = {} if operation.does == "update" else None
        path = operation.at(identifier)
        if operation.does != "create":
            answer = gateway.ask(operation.method, path, body, {**operation.headers, **of(_OTHER)})
            listed = operation.does == "list" and identifier.encode() in answer.body
            if listed or (operation.does != "list" and answer.status not in _KEPT_OUT):
                faults.append(f"{operation.name} by another tenant: {answer.status}")
        nobody = gateway.ask(operation.method, path, body, {**operation.headers, **of("")})
        if nobody.status not in _NO_TENANT:
            faults.append(f"{operation.name} by nobody's tenant: {nobody.status}")
    seconds = time.monotonic() - began
    message = f"answers {', '.join(faults)}" if faults else ""
    status: Status = "failed" if faults else "passed"
    return Case(KIND, create.service, name, status, seconds, message, "", create.file, create.line)
