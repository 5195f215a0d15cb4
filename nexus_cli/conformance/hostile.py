"""What only the careless or hostile send: values that cannot be kept, bodies without a type, odd paths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import Answers, expect, require
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.samples import Resource

_PROBLEM = "application/problem+json"
_CREATED = 201
_REFUSED = {400, 404, 422}
_MARK = "the value"
_DEEP = 5000
_TOLD, _KEPT = "2026-01-02T03:04:05.123456789+02:00", "2026-01-02T01:04:05.123"
_TEXTS = {
    "string": [r'"\ud800"'],
    "text": [r'"\ud800"'],
    "float": ["1e400"],
    "int": ["1e400"],
    "money": ["1e400"],
    "json": [
        r'"\ud800"',
        r'{"\ud800": 1}',
        "1e400",
        "[" * _DEEP + "]" * _DEEP,
        '{"a":' * _DEEP + "1" + "}" * _DEEP,
    ],
}
"""JSON that parsers read and databases, serialisers or readers stumble over, by the type of the field."""


def what_cannot_be_kept_is_refused(rig: Rig) -> None:
    """A value that cannot be stored or given back is refused; what is taken can be read, also in lists."""
    for resource, field in hostile(rig.answers):
        path = samples.path(resource)
        for text in _TEXTS[field["type"]]:
            body = json.dumps({**rig.body(resource), field["name"]: _MARK})
            answer = rig.service.post(path, body.replace(json.dumps(_MARK), text).encode())
            said = f"{field['name']} as {text[:20]}"
            if answer.status != _CREATED:
                require(f"{said} is refused", answer.status in _REFUSED, (answer.status, answer.body[:500]))
                expect(f"the type of the answer to {said}", answer.headers["content-type"], _PROBLEM)
            elif "get" in resource["operations"]:
                expect(
                    f"the status of reading {said}", rig.service.get(answer.headers["location"]).status, 200
                )
            newest = rig.service.get(f"{path}?sort=-created_at&limit=1")
            expect(f"the status of the list after {said}", newest.status, 200)


def hostile(answers: Answers) -> Iterator[tuple[Resource, Any]]:
    """Resources that can be created and listed, with each field that such a value can be sent for."""
    for resource in resources_with(answers, "create", "list"):
        yield from ((resource, field) for field in resource["fields"] if field["type"] in _TEXTS)


def moments_are_kept_in_utc(rig: Rig) -> None:
    """A time with an offset is kept in UTC and to the millisecond at least, and is told in one way only."""
    resource, field = next(with_moments(rig.answers))
    answer = rig.service.post(samples.path(resource), {**rig.body(resource), field["name"]: _TOLD})
    expect("the status", answer.status, _CREATED)
    told = answer.json[field["name"]]
    require(f"{_TOLD} in UTC", told.startswith(_KEPT) and told.endswith("Z"), told)
    expect("what GET says", rig.service.get(answer.headers["location"]).json[field["name"]], told)


def with_moments(answers: Answers) -> Iterator[tuple[Resource, Any]]:
    """Resources that can be created and read, with a field for a time."""
    for resource in resources_with(answers, "create", "get"):
        yield from ((resource, field) for field in resource["fields"] if field["type"] == "datetime")


def bodies_say_that_they_are_json(rig: Rig) -> None:
    """A body that is not said to be JSON is refused: any page of the web may have browsers send one."""
    resource = rig.pick("create")
    path = samples.path(resource)
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = rig.service.post(path, rig.body(resource), content_type=media)
        require(f"{media} is refused", answer.status in {415, 422}, (answer.status, answer.body))
        expect(f"the type of the answer to {media}", answer.headers["content-type"], _PROBLEM)
    for media in ("application/json; charset=utf-8", "application/merge-patch+json"):
        answer = rig.service.post(path, rig.body(resource), content_type=media)
        expect(f"the status of {media}", answer.status, _CREATED)


def addresses_are_exact(rig: Rig) -> None:
    """An odd way to write a path is refused: behind a gateway, a service cannot say where to go instead."""
    path = samples.path(rig.pick("list", "get"))
    for crooked in (f"{path}/", f"/{path}", f"/.{path}", f"/nowhere/..{path}", f"{path}/%ff", f"{path}?%=1"):
        answer = rig.service.get(crooked)
        require(f"GET {crooked} is refused", answer.status in _REFUSED, (answer.status, answer.headers))
        expect(f"the type of the answer to GET {crooked}", answer.headers["content-type"], _PROBLEM)
        require("it carries a correlation", answer.headers.get("x-correlation-id"), answer.headers)
        require("it carries a policy", answer.headers.get("content-security-policy"), answer.headers)


def what_can_be_read_has_a_head(rig: Rig) -> None:
    """HEAD answers what GET would, without the body."""
    paths = ["/health", "/api/openapi.json", *map(samples.path, resources_with(rig.answers, "list"))]
    for path in paths:
        said, head = rig.service.get(path), rig.service.call("HEAD", path)
        expect(f"GET and HEAD {path}", (said.status, head.status, head.body), (200, 200, b""))
        expect(f"its type after HEAD {path}", head.headers["content-type"], said.headers["content-type"])
