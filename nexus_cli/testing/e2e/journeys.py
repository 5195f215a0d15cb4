"""API journeys: what is created through the gateway is read, found, changed and deleted through it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from nexus_cli.blueprint.model import Platform
from nexus_cli.conformance.clause import ViolationError
from nexus_cli.conformance.service import Answer
from nexus_cli.errors import NexusError
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case, Status
from nexus_cli.testing.items import Items
from nexus_cli.testing.operations import Operation, operations
from nexus_cli.testing.retry import retried
from nexus_cli.testing.run import Asked
from nexus_cli.testing.stand import Stand
from nexus_cli.tokens import bearer

KIND = "e2e"
_OK, _CREATED, _DELETED, _MISSING = 200, 201, 204, 404
_PAGES = 20
_OWN_RULES = frozenset({400, 403, 409, 422})
"""What a service answers where its own rules forbid a body that fits the blueprint."""


@dataclass(frozen=True, slots=True)
class Journey:
    """The life of one thing: the operations on a resource, by what they do."""

    steps: Mapping[str, Operation]

    @property
    def first(self) -> Operation:
        """How it begins."""
        return self.steps["create"]

    @property
    def name(self) -> str:
        """How a person calls it."""
        done = [does for does in ("create", "get", "list", "update", "delete") if does in self.steps]
        return f"{self.first.path}: {', '.join(done)} through the gateway"


@dataclass(frozen=True, slots=True)
class Traveller:
    """Who goes a journey: where, with which things, and the headers of somebody with a token."""

    journey: Journey
    gateway: Gateway
    items: Items
    headers: Mapping[str, str]

    def ask(self, does: str, identifier: str = "", body: object = None, query: str = "") -> Answer:
        """Take one step."""
        step = self.journey.steps[does]
        sent = {**step.headers, **self.headers}
        return self.gateway.ask(step.method, step.at(identifier) + query, body, sent)


class StrayedError(Exception):
    """The journey ended at a wrong answer."""


class _RefusedError(Exception):
    """The service's own rules did not let the journey begin."""


def plan(platform: Platform, services: Sequence[str]) -> list[Journey]:
    """A journey for each resource that can be created; by the first of several routes that lead there."""
    found: dict[tuple[str, str], dict[str, Operation]] = {}
    for operation in operations(platform, services):
        if operation.resource:
            key = (operation.service, operation.resource["name"])
            found.setdefault(key, {}).setdefault(operation.does, operation)
    return [Journey(steps) for steps in found.values() if "create" in steps]


def travel(asked: Asked, made: Stand, planned: Sequence[Journey]) -> Iterator[Case]:
    """Go all journeys."""
    gateway = Gateway(made.gateway_url)
    everything = operations(asked.platform)
    # Where an identity provider signs, nexus has no key.
    keyless = asked.platform.spec.gateway.jwt.jwks is not None
    token = "" if keyless else made.token("traveller", tenant="nexus-test")
    headers = bearer(token) if token else {}
    for journey in planned:
        if asked.enough.is_set():
            return
        if keyless and any(step.auth == "jwt" for step in journey.steps.values()):
            why = "tokens come from an identity provider, so none can be made here"
            yield Case(KIND, journey.first.service, journey.name, "not run", message=why)
        else:
            items = Items(gateway, everything, headers)
            traveller = Traveller(journey, gateway, items, headers)
            try:
                yield from retried(asked.retries, lambda _, t=traveller: [gone(t)])  # type: ignore[misc]
            finally:
                items.remove()


def gone(traveller: Traveller) -> Case:
    """What came of a journey."""
    began = time.monotonic()
    first = traveller.journey.first
    status: Status = "passed"
    message = ""
    try:
        message = _go(traveller)
    except _RefusedError as error:
        own = f"tests/e2e/test_{first.service.replace('-', '_')}.py"
        status, message = "skipped", f"{error}: its own rules want more than its fields say; write {own}"
    except (StrayedError, ViolationError) as error:
        status, message = "failed", str(error)
    except NexusError as error:
        status, message = "error", error.message
    seconds = time.monotonic() - began
    case = Case(KIND, first.service, traveller.journey.name, status, seconds, message)
    return case if status == "passed" else replace(case, file=first.file, line=first.line)


def _go(traveller: Traveller) -> str:
    """Create one, and do with it what can be done; a remark, where its own rules forbade a change."""
    first, steps = traveller.journey.first, traveller.journey.steps
    body = traveller.items.body(first) or {}
    answer = traveller.ask("create", body=body)
    if answer.status in _OWN_RULES:
        raise _RefusedError(f"POST {first.path} answers {answer.status}")
    created = _must(f"POST {first.path}", answer, _CREATED).json
    traveller.items.note(first, answer)
    identifier, remark = str(created["id"]), ""
    if "get" in steps:
        name = f"GET {steps['get'].path}"
        read = _must(name, traveller.ask("get", identifier), _OK).json
        other = sorted(key for key in body if read.get(key) != created.get(key))
        if other:
            raise StrayedError(f"{name} answers another {other[0]} than was created")
    if "list" in steps:
        _must_be_listed(traveller, identifier)
    if "update" in steps:
        answer = traveller.ask("update", identifier, _change(first, body))
        if answer.status in _OWN_RULES:
            remark = f"PATCH answers {answer.status}: its own rules forbid the change"
        else:
            _must(f"PATCH {steps['update'].path}", answer, _OK)
    if "delete" in steps:
        answer = traveller.ask("delete", identifier)
        if answer.status in _OWN_RULES:
            return f"DELETE answers {answer.status}: its own rules forbid it"
        _must(f"DELETE {steps['delete'].path}", answer, _DELETED)
        if "get" in steps:
            _must(f"GET {steps['get'].path} of what is deleted", traveller.ask("get", identifier), _MISSING)
    return remark


def _must_be_listed(traveller: Traveller, identifier: str) -> None:
    """What was created is in the list, on one of its first pages."""
    name, query = f"GET {traveller.journey.steps['list'].path}", "?limit=100"
    for _ in range(_PAGES):
        said = _must(name, traveller.ask("list", query=query), _OK).json
        if any(one.get("id") == identifier for one in said["items"]):
            return
        if not said.get("next_cursor"):
            raise StrayedError(f"{name} does not list what was created")
        query = f"?limit=100&cursor={quote(said['next_cursor'])}"


def _change(first: Operation, body: Mapping[str, object]) -> dict[str, object]:
    """A change that says again what is: it has to be taken, whatever depends on the values."""
    plain = (
        [one["name"] for one in first.resource["fields"] if one["type"] != "ref"] if first.resource else []
    )
    return {name: body[name] for name in plain[:1] if name in body}


def _must(name: str, answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise StrayedError(f"{name} answers {answer.status}, not {status}")
    return answer
