"""Authentication: what each operation answers to strangers, and to somebody with a token."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from nexus_cli.conformance.service import Answer
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case
from nexus_cli.testing.operations import Operation
from nexus_cli.testing.security.strangers import Stranger

KIND = "security"
_REFUSED = frozenset({401, 403})
_FORBIDDEN, _NOT_FOUND, _BROKEN = 403, 404, 500
_NOTHING = _REFUSED | {404, 405}
_STRANGE = "nexus-stranger"
WithRoles = Callable[[Sequence[str]], Mapping[str, str]]
"""The headers of somebody whose valid token has these roles."""

_HIDDEN = ("/metrics", "/api/openapi.json", "/api/docs", "/config_dump", "/stats", "/.env", "/.git/config")
"""What services and gateways have for those who run them, and no route should show."""


def guarded(
    gateway: Gateway, operation: Operation, strangers: Sequence[Stranger], allowed: Mapping[str, str] | None
) -> Case:
    """An operation that demands a token: strangers are refused, and somebody with a token (`allowed`) is not.

    Without the second, a route that leads nowhere would look safe.
    """
    began = time.monotonic()
    faults = []
    for stranger in strangers:
        answer = _ask(gateway, operation, stranger.headers, stranger.path(operation.at()))
        if not _kept_out(stranger, answer, operation):
            faults.append(f"{stranger.who}: {answer.status}")
    faults += _in_capitals(gateway, operation, "no token", {})
    if allowed is not None:
        answer = _ask(gateway, operation, allowed, operation.at())
        if answer.status in _REFUSED or answer.status >= _BROKEN:
            faults.append(f"a valid token: {answer.status}, so the refusals prove nothing")
    name = f"{operation.name} lets only those in who have a token"
    return _case(operation, name, began, faults, "answers ")


def _kept_out(stranger: Stranger, answer: Answer, operation: Operation) -> bool:
    """Whether an answer gives nothing away: for another path, that there is nothing, too."""
    if answer.status in _REFUSED:
        return True
    return stranger.path(operation.at()) != operation.at() and 400 <= answer.status < _BROKEN  # noqa: PLR2004


def _in_capitals(
    gateway: Gateway, operation: Operation, who: str, headers: Mapping[str, str]
) -> Iterator[str]:
    """The fault that capitals lead around the check: another path to the gateway, maybe not to a service.

    What some route answers to every path (an application of one page) gives nothing away.
    """
    path = operation.at().upper()
    answer = _ask(gateway, operation, headers, path)
    if path == operation.at() or answer.status in _NOTHING:
        return
    if answer.status != _ask(gateway, operation, headers, f"{path}-NEXUS").status:
        yield f"{who}, the path in capitals: {answer.status}"


def by_role(gateway: Gateway, operation: Operation, known: Sequence[str], of: WithRoles) -> Case:
    """An operation that demands a role: a valid token without it gets 403, and one with it does not.

    `known` are all roles of the platform: whoever has every other one is still not let in.
    """
    began = time.monotonic()
    faults = []
    for who, headers in _without_role(operation.roles, known, of):
        answer = _ask(gateway, operation, headers, operation.at())
        if answer.status != _FORBIDDEN:
            faults.append(f"{who}: {answer.status}")
    faults += _in_capitals(gateway, operation, "a token with other roles", of([_STRANGE]))
    for role in operation.roles:
        answer = _ask(gateway, operation, of([role]), operation.at())
        if answer.status in _REFUSED or answer.status >= _BROKEN:
            faults.append(f"a token with the role {role}: {answer.status}, so the refusals prove nothing")
    name = f"{operation.name} lets only those in who are {' or '.join(operation.roles)}"
    return _case(operation, name, began, faults, "answers ")


def _without_role(
    right: Sequence[str], known: Sequence[str], of: WithRoles
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Those whose token is good, and who have not the role that is asked for."""
    yield "a token without a role", of(())
    yield "a token with other roles", of([*(role for role in known if role not in right), _STRANGE])
    yield "a token with a role that begins like it", of([f"{role}-" for role in right])
    yield (
        "a token with other roles, and a header that names it",
        {
            **of([_STRANGE]),
            "x-user-roles": json.dumps(list(right)),
        },
    )


def free(gateway: Gateway, operation: Operation, others: Sequence[Operation] = ()) -> Case:
    """An operation whose route demands nothing: it answers without a token.

    It must not change what another route locks, or that lock has a way around. What is read may be public.
    """
    began = time.monotonic()
    answer = _ask(gateway, operation, {}, operation.at())
    refused = answer.status == 401 or answer.status >= _BROKEN  # noqa: PLR2004 - HTTP's own
    faults = [f"{answer.status} without a token, where its route says auth: none"] if refused else []
    if not refused:
        locked = next((other for other in others if _is_behind(other, operation)), None)
        place = f"{locked.file}:{locked.line}" if locked else ""
        faults += [f"{answer.status} without a token to what {locked.name} ({place}) locks"] if locked else []
    return _case(operation, f"{operation.name} is open, as its route says", began, faults, "answers ")


def _is_behind(other: Operation, operation: Operation) -> bool:
    """Whether the other route asks for a token, and leads to the same change of the same resource."""
    changes = operation.resource is not None and operation.method != "GET"
    same = (other.service, other.does) == (operation.service, operation.does)
    return changes and same and other.auth == "jwt" and other.resource == operation.resource


def hidden(gateway: Gateway, operations: Sequence[Operation]) -> Case:
    """What nobody described is not there."""
    began = time.monotonic()
    roots = [operation.path.rstrip("/") for operation in operations]
    asked = [path for path in _HIDDEN if not any(f"{path}/".startswith(f"{root}/") for root in roots)]
    faults = []
    for path in asked:
        answer = gateway.ask("GET", path)
        if answer.status != _NOT_FOUND and answer.status not in _REFUSED:
            faults.append(f"GET {path}: {answer.status}")
    return Case(
        KIND,
        "platform",
        "the gateway shows nothing that no route describes",
        "failed" if faults else "passed",
        time.monotonic() - began,
        ", ".join(faults),
    )


def _ask(gateway: Gateway, operation: Operation, headers: Mapping[str, str], path: str) -> Answer:
    body: dict[str, object] | None = (
        {} if operation.method in {"POST", "PUT", "PATCH"} else None
    )  # nobody shall succeed with it
    return gateway.ask(operation.method, path, body, {**operation.headers, **headers})


def _case(operation: Operation, name: str, began: float, faults: Sequence[str], before: str) -> Case:
    return Case(
        KIND,
        operation.service,
        name,
        "failed" if faults else "passed",
        time.monotonic() - began,
        before + ", ".join(faults) if faults else "",
        file=operation.file,
        line=operation.line,
    )


def cases(
    gateway: Gateway,
    operations: Sequence[Operation],
    strangers: Sequence[Stranger],
    allowed: Mapping[str, str] | None,
) -> Iterator[Case]:
    """Every operation, then what should not be there at all."""
    for operation in operations:
        if operation.auth == "jwt":
            yield guarded(gateway, operation, strangers, allowed)
        else:
            yield free(gateway, operation, operations)
    yield hidden(gateway, operations)
