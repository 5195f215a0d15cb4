"""What holds for every resource of a blueprint: its endpoints over its table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import Answers, expect, require
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.samples import Resource

_CREATED = 201
_PROBLEM = "application/problem+json"


def what_is_created_can_be_read(rig: Rig) -> None:
    """POST creates one: 201, where it is, and every field as it was given."""
    for resource in resources_with(rig.answers, "create"):
        path, body = samples.path(resource), rig.body(resource)
        answer = rig.service.post(path, body)
        expect(f"the status of POST {path}", answer.status, _CREATED)
        item = answer.json
        expect("where it is", answer.headers["location"], f"{path}/{item['id']}")
        expect("the version of its identifier", UUID(item["id"]).version, 7)
        expect("its fields", set(item), {"id", *_names(resource), "created_at", "updated_at"})
        for name in ("created_at", "updated_at"):
            require(f"{name} has a time zone", datetime.fromisoformat(item[name]).tzinfo, item[name])
        for name, value in body.items():
            require(f"{name} is what was given: {value!r}", _same(item[name], value), item[name])
        if "get" in resource["operations"]:
            expect("what GET says", rig.service.get(answer.headers["location"]).json, item)


def _names(resource: Resource) -> list[str]:
    return [field["name"] for field in resource["fields"]]


def _same(found: Any, given: Any) -> bool:
    """Whether an answer holds a given value; times are the same in any notation."""
    if isinstance(given, str) and given.endswith("Z") and isinstance(found, str):
        return datetime.fromisoformat(found) == datetime.fromisoformat(given)
    return bool(found == given)


def defaults_are_filled_in(rig: Rig) -> None:
    """What is absent is the default, or null where it is optional."""
    resource = next(with_defaults(rig.answers))
    body, rest = rig.body(resource), {}
    for field in resource["fields"]:
        if field["default"] is not None or field["optional"]:
            rest[field["name"]] = samples.default(field)
            body.pop(field["name"], None)
    answer = rig.service.post(samples.path(resource), body)
    expect("the status", answer.status, _CREATED)
    for name, value in rest.items():
        expect(f"the default of {name}", answer.json[name], value)


def with_defaults(answers: Answers) -> Any:
    """The resources with a field that has a default."""
    found = resources_with(answers, "create")
    return (r for r in found if any(field["default"] is not None for field in r["fields"]))


def lists_come_in_parts(rig: Rig) -> None:
    """GET lists the oldest first, `limit` at a time; `next_cursor` leads on and is null at the end."""
    resource = rig.pick("create", "list")
    path = samples.path(resource)
    made = [rig.created(resource)["id"] for _ in range(3)]
    seen: list[str] = []
    cursor = ""
    while True:
        part = rig.service.get(f"{path}?limit=2{cursor}").json
        require("a part has no more than its limit", len(part["items"]) <= 2, part)  # noqa: PLR2004
        seen += [item["id"] for item in part["items"]]
        if part["next_cursor"] is None:
            break
        cursor = f"&cursor={part['next_cursor']}"
    expect("the order", seen, sorted(seen))
    expect("what was made last", seen[-3:], made)
    for query in ("limit=0", "limit=101", "limit=x", "cursor=x"):
        expect(f"the status of GET {path}?{query}", rig.service.get(f"{path}?{query}").status, 422)


def what_is_changed_stays_otherwise(rig: Rig) -> None:
    """PATCH changes what it is given and nothing else."""
    resource = rig.pick("create", "update", "get")
    item = rig.created(resource)
    path = f"{samples.path(resource)}/{item['id']}"
    expect(
        "what an empty change does", _without_stamp(rig.service.patch(path, {}).json), _without_stamp(item)
    )
    status = samples.status_field(resource)
    for name, value in rig.body(resource).items():
        if status is not None and name == status["name"]:
            continue
        answer = rig.service.patch(path, {name: value})
        expect(f"the status of changing {name}", answer.status, 200)
        require(f"{name} is what was given", _same(answer.json[name], value), answer.json)
        item[name] = answer.json[name]
    found = rig.service.get(path).json
    expect("what is stored", _without_stamp(found), _without_stamp(item))
    require(
        "the time of the change",
        datetime.fromisoformat(found["updated_at"]) > datetime.fromisoformat(item["created_at"]),
    )


def _without_stamp(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "updated_at"}


def invalid_values_are_refused(rig: Rig) -> None:
    """A value that does not fit its field is refused with 422, and nothing is changed."""
    resource = rig.pick("create", "update", "get")
    item = rig.created(resource)
    path = f"{samples.path(resource)}/{item['id']}"
    for change in [*samples.invalid(resource), {"no_such": 1}, {"id": str(uuid4())}]:
        answer = rig.service.patch(path, change)
        expect(f"the status of changing {str(change)[:80]}", answer.status, 422)
        expect(
            "the place", [fault["pointer"].split("/")[1] for fault in answer.json["errors"]][:1], list(change)
        )
    expect("what is stored", rig.service.get(path).json, item)


def amounts_have_two_decimals(rig: Rig) -> None:
    """Money is text with two decimals, exact to eighteen digits."""
    resource, name = next(with_money(rig.answers))
    path = f"{samples.path(resource)}/{rig.created(resource)['id']}"
    for given, stored in (
        ("5", "5.00"),
        ("0.1", "0.10"),
        (7, "7.00"),
        ("-1.05", "-1.05"),
        ("9007199254740993.01",) * 2,
    ):
        answer = rig.service.patch(path, {name: given})
        expect(f"the status of {given!r}", answer.status, 200)
        expect(f"what {given!r} is stored as", answer.json[name], stored)


def with_money(answers: Answers) -> Any:
    """Resources that can be changed, with the name of a field for money."""
    found = resources_with(answers, "create", "update")
    return ((r, f["name"]) for r in found for f in r["fields"] if f["type"] == "money")


def what_is_unique_is_stored_once(rig: Rig) -> None:
    """A second one with the same unique value is refused with 409."""
    resource = next(with_unique(rig.answers))
    body = rig.body(resource)
    expect("the status of the first", rig.service.post(samples.path(resource), body).status, _CREATED)
    second = rig.service.post(samples.path(resource), body)
    expect("the second", (second.status, second.headers["content-type"]), (409, _PROBLEM))


def with_unique(answers: Answers) -> Any:
    """The resources with a unique field."""
    found = resources_with(answers, "create")
    return (r for r in found if any(field["unique"] for field in r["fields"]))


def references_lead_somewhere(rig: Rig) -> None:
    """A reference to something of the same service that is not there is refused with 409."""
    resource, field = next(with_reference(rig.answers))
    body = {**rig.body(resource), field: str(uuid4())}
    answer = rig.service.post(samples.path(resource), body)
    expect("an unknown reference", (answer.status, answer.headers["content-type"]), (409, _PROBLEM))


def with_reference(answers: Answers) -> Any:
    """Resources with the name of a field that is a foreign key."""
    before: set[str] = set()
    for resource in resources_with(answers):
        before.add(resource["name"])
        if "create" in resource["operations"]:
            refs = (f for f in resource["fields"] if f["type"] == "ref" and f["target"] in before)
            yield from ((resource, field["name"]) for field in refs)


def what_is_deleted_is_gone(rig: Rig) -> None:
    """DELETE answers 204, and from then on 404."""
    resource = rig.pick("create", "get", "delete")
    path = f"{samples.path(resource)}/{rig.created(resource)['id']}"
    gone = rig.service.call("DELETE", path)
    expect("the answer", (gone.status, gone.body), (204, b""))
    expect("the status of GET", rig.service.get(path).status, 404)
    expect("the status of a second DELETE", rig.service.call("DELETE", path).status, 404)


def an_unknown_identifier_is_not_found(rig: Rig) -> None:
    """An identifier that nothing has is a 404 problem, one that is none a 422 problem."""
    path = samples.path(rig.pick("get"))
    for identifier, status in ((uuid4(), 404), ("x", 422)):
        answer = rig.service.get(f"{path}/{identifier}")
        expect(
            f"GET {path}/{identifier}", (answer.status, answer.headers["content-type"]), (status, _PROBLEM)
        )


def states_change_as_described(rig: Rig) -> None:
    """What has states moves only along them; any other way is refused with 409."""
    resource, status = next(with_states(rig.answers))
    item = rig.created(resource)
    path = f"{samples.path(resource)}/{item['id']}"
    now = item[status["name"]]
    after = resource["states"].get(now, [])
    for state in status["values"]:
        if state not in (now, *after):
            expect(f"{now} to {state}", rig.service.patch(path, {status["name"]: state}).status, 409)
    expect(f"{now} to {now}", rig.service.patch(path, {status["name"]: now}).status, 200)
    for state in after[:1]:
        answer = rig.service.patch(path, {status["name"]: state})
        expect(f"{now} to {state}", (answer.status, answer.json[status["name"]]), (200, state))


def with_states(answers: Answers) -> Any:
    """Resources that can be changed, with the field of their states."""
    found = resources_with(answers, "create", "update")
    return ((r, status) for r in found if (status := samples.status_field(r)) is not None)


def a_repeated_post_runs_once(rig: Rig) -> None:
    """A POST with an `Idempotency-Key` that is repeated gets the first answer again and changes nothing."""
    resource = rig.pick("create")
    path, body, key = samples.path(resource), rig.body(resource), f"key-{time.time_ns()}"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: rig.service.post(path, body, idempotency_key=key), range(4)))
    require("one runs, others wait or are answered alike", {a.status for a in answers} <= {201, 409}, answers)
    again = rig.service.post(path, body, idempotency_key=key)
    expect("the status of the last", again.status, _CREATED)
    expect("it says so", again.headers.get("idempotency-replayed"), "true")
    require("the first answer's headers come again", again.headers.get("location"), again.headers)
    expect("what was made", {a.json["id"] for a in answers if a.status == _CREATED}, {again.json["id"]})
    other = rig.service.post(path, rig.body(resource), idempotency_key=key)
    expect(
        "another request with the same key", (other.status, other.headers["content-type"]), (422, _PROBLEM)
    )
    for wrong in ("", "x" * 201):
        answer = rig.service.post(path, body, idempotency_key=wrong)
        expect(
            f"a key of {len(wrong)} characters",
            (answer.status, answer.headers["content-type"]),
            (400, _PROBLEM),
        )


def a_refused_post_is_remembered(rig: Rig) -> None:
    """What a POST with an `Idempotency-Key` was refused with is its answer, too."""
    path, key = samples.path(rig.pick("create")), f"key-{time.time_ns()}"
    first, second = (rig.service.post(path, {}, idempotency_key=key) for _ in range(2))
    expect("the statuses", (first.status, second.status), (422, 422))
    expect("it is the first answer", second.headers.get("idempotency-replayed"), "true")


def without_redis_nothing_is_promised(rig: Rig) -> None:
    """Without Redis a POST with an `Idempotency-Key` is refused with 503; one without it is served."""
    resource = rig.pick("create")
    path = samples.path(resource)
    with rig.without("REDIS_URL"):
        answer = rig.service.post(path, rig.body(resource), idempotency_key="k")
        expect("with a key", (answer.status, answer.headers["content-type"]), (503, _PROBLEM))
        expect("without one", rig.service.post(path, rig.body(resource)).status, _CREATED)
