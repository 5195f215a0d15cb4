"""Things to try on: one of each resource, made through the gateway and taken away afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import count

from nexus_cli.conformance import samples
from nexus_cli.conformance.service import Answer
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.operations import NOBODY, Operation

_CREATED = 201
_NUMBERS = count(int(time.time()))  # also new where an earlier run has left some
_SMALL = {"int": 1, "float": 1.5, "money": "1.50"}
"""Amounts that a service's own rules hardly forbid: there is one of it, and one is ordered."""


class Items:
    """What was made for a test; `allowed` are the headers of who may make it."""

    def __init__(self, gateway: Gateway, operations: Sequence[Operation], allowed: Mapping[str, str]) -> None:
        self._gateway = gateway
        self._operations = operations
        self._allowed = allowed
        self._known: dict[tuple[str, str], str] = {}
        self._made: list[tuple[Operation, str]] = []

    def one(self, operation: Operation) -> str:
        """The identifier of one that the operation is about; of nothing, where none can be made."""
        name = operation.resource["name"] if operation.resource else ""
        create = self._create(name, operation.service)
        if create is None:
            return NOBODY
        key = (create.service, name)
        if key not in self._known:
            self._known[key] = NOBODY  # so that things that refer to each other come to an end
            self._known[key] = self._new(create)
        return self._known[key]

    def note(self, operation: Operation, answer: Answer) -> None:
        """Remember what a request has made, if it has, so that it goes away with the others."""
        if operation.does == "create" and answer.status == _CREATED:
            said = answer.json
            if isinstance(said, dict) and isinstance(said.get("id"), str):
                self._made.append((operation, said["id"]))

    def remove(self) -> None:
        """Delete all of them, the last one first, as it may refer to the others."""
        for operation, identifier in reversed(self._made):
            if operation.resource and "delete" in operation.resource["operations"]:
                path = f"{operation.path}/{identifier}"
                self._gateway.ask("DELETE", path, None, {**operation.headers, **self._allowed})

    def body(self, operation: Operation) -> dict[str, object] | None:
        """What the operation is asked with; what it must refer to has been made."""
        if operation.method not in {"POST", "PUT", "PATCH"}:
            return None
        if operation.resource is None:
            return {}
        targets = {one["target"] for one in operation.resource["fields"] if one["type"] == "ref"}
        found = {name: self._create(name, operation.service) for name in targets}
        references = {name: self.one(create) for name, create in found.items() if create}
        body = samples.body(operation.resource, next(_NUMBERS), references)
        small = {
            one["name"]: _SMALL[one["type"]]
            for one in operation.resource["fields"]
            if one["type"] in _SMALL and not one.get("unique") and one["name"] in body
        }
        return body | small

    def _new(self, create: Operation) -> str:
        headers = {**create.headers, **self._allowed}
        answer = self._gateway.ask("POST", create.path, self.body(create), headers)
        self.note(create, answer)
        return self._made[-1][1] if answer.status == _CREATED and self._made else NOBODY

    def _create(self, resource: str, service: str) -> Operation | None:
        """How one of a resource is made: in the service itself, else wherever it is."""
        found = [o for o in self._operations if o.does == "create" and o.resource]
        named = [o for o in found if o.resource and o.resource["name"] == resource]
        return next((o for o in named if o.service == service), next(iter(named), None))
