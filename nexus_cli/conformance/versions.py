"""What holds for every row: its version is an ETag, by which reading is spared and a stale change refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import expect, require
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.samples import Resource

_PROBLEM = "application/problem+json"


def what_is_stored_has_a_version(rig: Rig) -> None:
    """What is created, read and changed has a strong `ETag`, and every change another."""
    for resource in resources_with(rig.answers, "create", "get", "update"):
        made = rig.service.post(samples.path(resource), rig.body(resource))
        path, tag = made.headers["location"], made.headers.get("etag", "")
        require("a strong ETag", tag.startswith('"') and tag.endswith('"') and len(tag) > 2, tag)  # noqa: PLR2004
        expect("the ETag of what is read", rig.service.get(path).headers.get("etag"), tag)
        changed = rig.service.patch(path, _change(rig, resource))
        expect("the status of a change", changed.status, 200)
        require("another ETag", changed.headers.get("etag") not in (None, tag), changed.headers)
        expect("the ETag read after it", rig.service.get(path).headers.get("etag"), changed.headers["etag"])


def what_is_known_is_not_sent_again(rig: Rig) -> None:
    """GET with `If-None-Match` and the current `ETag` is a 304 without a body."""
    resource = rig.pick("create", "get")
    path = f"{samples.path(resource)}/{rig.created(resource)['id']}"
    tag = rig.service.get(path).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = rig.service.get(path, if_none_match=known)
        expect(f"the answer to {known}", (answer.status, answer.body), (304, b""))
        expect("its ETag", answer.headers.get("etag"), tag)
    expect("the status with another", rig.service.get(path, if_none_match='"other"').status, 200)
    unknown = f"{samples.path(resource)}/{uuid4()}"
    expect("what is not there", rig.service.get(unknown, if_none_match="*").status, 404)


def a_stale_change_is_refused(rig: Rig) -> None:
    """PATCH and DELETE with an `If-Match` that is not current are refused with 412 and change nothing."""
    resource = rig.pick("create", "get", "update", "delete")
    made = rig.service.post(samples.path(resource), rig.body(resource))
    path, tag = made.headers["location"], made.headers["etag"]
    change = _change(rig, resource)
    for stale in ('"other"', f"W/{tag}", tag.strip('"')):
        for method, body in (("PATCH", change), ("DELETE", None)):
            answer = rig.service.call(method, path, body, if_match=stale)
            expect(f"{method} of {stale}", (answer.status, answer.headers["content-type"]), (412, _PROBLEM))
    expect("what is stored", rig.service.get(path).json, made.json)
    for current in (f'"other", {tag}', "*"):
        expect(f"PATCH of {current}", rig.service.patch(path, change, if_match=current).status, 200)
    expect("PATCH of what has changed", rig.service.patch(path, change, if_match=tag).status, 412)
    missing = rig.service.patch(f"{samples.path(resource)}/{uuid4()}", change, if_match=tag)
    expect("PATCH of what is not there", missing.status, 404)
    now = rig.service.get(path).headers["etag"]
    expect("DELETE of what is current", rig.service.call("DELETE", path, if_match=now).status, 204)


def one_of_two_changes_wins(rig: Rig) -> None:
    """Of changes at the same time to the same version one is made, and the others are refused."""
    resource = rig.pick("create", "update")
    made = rig.service.post(samples.path(resource), rig.body(resource))
    changes = [_change(rig, resource) for _ in range(4)]

    def attempt(change: dict[str, Any]) -> int:
        tag = made.headers["etag"]
        return rig.service.patch(made.headers["location"], change, if_match=tag).status

    with ThreadPoolExecutor(len(changes)) as pool:
        expect("the statuses", sorted(pool.map(attempt, changes)), [200, 412, 412, 412])


def _change(rig: Rig, resource: Resource) -> dict[str, Any]:
    """Another value for each field but that of its states."""
    status = samples.status_field(resource)
    body = rig.body(resource)
    return {name: value for name, value in body.items() if status is None or name != status["name"]}
