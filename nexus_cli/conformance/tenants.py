"""What holds for rows of tenants: nobody sees, changes or refers to those of another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import Answers, expect
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.samples import Resource

_OTHER = "another"
_PROBLEM = "application/problem+json"
_MALFORMED = ("", "a b", "-x", "x" * 65, "a/b")


def scoped(answers: Answers) -> Iterator[Resource]:
    """The resources whose rows belong to tenants."""
    found = resources_with(answers, "create", "get", "list", "update", "delete")
    return (resource for resource in found if resource.get("tenant"))


def rows_are_their_tenants_own(rig: Rig) -> None:
    """A row of another tenant is not there: it is not found, listed, changed or deleted."""
    for resource in scoped(rig.answers):
        made = rig.service.post(samples.path(resource), rig.body(resource))
        path = made.headers["location"]
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            for headers in ({}, {"if_match": '"0"', "if_none_match": "*"}):
                answer = rig.service.call(method, path, body, x_tenant_id=_OTHER, **headers)
                expect(
                    f"{method} by another", (answer.status, answer.headers["content-type"]), (404, _PROBLEM)
                )
        query = f"{samples.path(resource)}?created_at.gte={made.json['created_at'].replace('+', '%2B')}"
        expect("a list of another", rig.service.get(query, x_tenant_id=_OTHER).json["items"], [])
        expect("what is stored", rig.service.get(path).json, made.json)


def without_a_tenant_nothing_is_served(rig: Rig) -> None:
    """A request without a good `x-tenant-id` is refused with 403."""
    resource = next(scoped(rig.answers))
    path, body = samples.path(resource), rig.body(resource)
    one = rig.service.post(path, body).headers["location"]
    for tenant in _MALFORMED:
        for method, place, sent in (
            *(("GET", path, None), ("POST", path, body), ("GET", one, None)),
            *(("PATCH", one, {}), ("DELETE", one, None)),
        ):
            answer = rig.service.call(method, place, sent, x_tenant_id=tenant)
            what = f"{method} {place} of {tenant!r}"
            expect(what, (answer.status, answer.headers["content-type"]), (403, _PROBLEM))


def what_is_unique_is_so_in_its_tenant(rig: Rig) -> None:
    """Two tenants may have the same unique value, one may have it once."""
    resource = next(_scoped_unique(rig.answers))
    path, body = samples.path(resource), rig.body(resource)
    expect("one tenant", rig.service.post(path, body).status, 201)
    expect("the other", rig.service.post(path, body, x_tenant_id=_OTHER).status, 201)
    expect("the one again", rig.service.post(path, body).status, 409)


def _scoped_unique(answers: Answers) -> Iterator[Resource]:
    found = (r for r in scoped(answers) if any(field["unique"] for field in r["fields"]))
    return (r for r in found if not any(field["type"] == "ref" for field in r["fields"]))


def references_stay_in_their_tenant(rig: Rig) -> None:
    """A reference to a row of another tenant is refused with 409, when created and when changed."""
    resource, field = next(scoped_references(rig.answers))
    path, body = samples.path(resource), rig.body(resource)
    own = rig.service.post(path, body)
    expect("in the tenant", own.status, 201)
    target = next(r for r in rig.answers["resources"] if r["name"] == field["target"])
    theirs = rig.service.post(samples.path(target), rig.body(target), x_tenant_id=_OTHER).json["id"]
    across = {**rig.body(resource), field["name"]: theirs}
    for answer in (rig.service.post(path, across), rig.service.patch(own.headers["location"], across)):
        expect("across tenants", (answer.status, answer.headers["content-type"]), (409, _PROBLEM))


def scoped_references(answers: Answers) -> Iterator[tuple[Resource, Any]]:
    """References from rows of tenants to rows of tenants."""
    names = {resource["name"] for resource in scoped(answers)}
    for resource in scoped(answers):
        fields = (f for f in resource["fields"] if f["type"] == "ref" and f["target"] in names)
        yield from ((resource, field) for field in fields if field["target"] != resource["name"])


def keys_of_tenants_are_different_keys(rig: Rig) -> None:
    """The same `Idempotency-Key` of two tenants is two keys."""
    resource = next(scoped(rig.answers))
    path, body, key = samples.path(resource), rig.body(resource), f"key-{time.time_ns()}"
    first, second = (
        rig.service.post(path, body, idempotency_key=key, x_tenant_id=tenant) for tenant in ("one", "two")
    )
    expect("the statuses", (first.status, second.status), (201, 201))
    expect("whether it is the first answer", second.headers.get("idempotency-replayed"), None)
