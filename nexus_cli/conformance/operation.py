"""How a service is operated: health, metrics, description, configuration, signals."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import Answers, expect, require, within
from nexus_cli.conformance.exposition import count, scrape
from nexus_cli.conformance.rig import CHECKS, Rig, resources_with
from nexus_cli.conformance.service import START_SECONDS, listens

_UNREACHABLE = {
    "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "NATS_URL": "nats://127.0.0.1:1",
}
_DURATION = "http_server_request_duration_seconds"
_OPERATIONS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_ERRORS = {"error", "critical", "fatal"}
_AT_ONCE = 5.0
_TAKEN = 1
_WRONG = 2


def it_is_alive_and_ready(rig: Rig) -> None:
    """/health says that the process serves, /health/ready that each of its dependencies answers."""
    expect("GET /health", rig.service.get("/health").json, {"status": "ok"})
    ready = rig.service.get("/health/ready")
    expect("the status of GET /health/ready", ready.status, 200)
    expect("its status", ready.json["status"], "ready")
    expect("its checks", set(ready.json["checks"]), set(_checked(rig.answers).values()))
    require("every check is up", all(c["status"] == "up" for c in ready.json["checks"].values()), ready.json)


def _checked(answers: Answers) -> dict[str, str]:
    """The checks of readiness by connection; a service may have others, which it does not wait for."""
    return {name: check for name, check in CHECKS.items() if name in answers["connections"]}


def waits(answers: Answers) -> bool:
    """Whether a service is ready only when something else is."""
    return bool(_checked(answers))


def it_starts_before_its_dependencies(rig: Rig) -> None:
    """A service is alive while nothing that it depends on answers, and says that it is not ready."""
    service = rig.process("lonely", **{name: _UNREACHABLE[name] for name in _checked(rig.answers)})
    try:
        service.listen()
        expect("the status of GET /health", service.get("/health").status, 200)
        answer = service.get("/health/ready")
        expect("the status of GET /health/ready", answer.status, 503)
        require("every check is down", all(c["status"] == "down" for c in answer.json["checks"].values()))
    finally:
        expect("its exit code after SIGTERM", service.stop(), 0)


def it_is_measured(rig: Rig) -> None:
    """/metrics is Prometheus text with the duration of requests by method, route and status."""
    rig.service.get("/health")
    rig.service.get("/nowhere/at/all")
    seen = scrape(rig.service)
    for route, status in (("/health", "200"), ("unmatched", "404")):
        labels = {"http_request_method": "GET", "http_route": route, "http_response_status_code": status}
        require(f"requests to {route} are counted", count(seen, f"{_DURATION}_count", **labels))
        require(f"requests to {route} are timed", count(seen, f"{_DURATION}_bucket", **labels, le="+Inf"))
    require("no path of an unknown route is kept", not any("/nowhere" in str(s.labels) for s in seen))


def routes_are_measured_by_their_template(rig: Rig) -> None:
    """The identifiers in paths make no series of their own in the metrics."""
    resource = rig.pick("create", "get")
    item = rig.created(resource)
    rig.service.get(f"{samples.path(resource)}/{item['id']}")
    seen = scrape(rig.service)
    route = samples.template(resource)
    require(f"requests to {route} are counted", count(seen, f"{_DURATION}_count", http_route=route))
    require("no identifier is a label", not any(item["id"] in str(s.labels) for s in seen))


def it_is_described(rig: Rig) -> None:
    """/api/openapi.json is an OpenAPI 3.1 document of every endpoint, its errors as problems."""
    document = rig.service.get("/api/openapi.json").json
    require("its version is 3.1", re.fullmatch(r"3\.1\.\d+", document["openapi"]), document["openapi"])
    expect("its title", document["info"]["title"], rig.answers.get("title", document["info"]["title"]))
    require("it has a version", document["info"]["version"])
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        require(f"{reference} is part of the document", found is not None)
    paths = document["paths"]
    for path, item in paths.items():
        for method, operation in item.items():
            _check_operation(f"{method.upper()} {path}", method, path, operation)
    for resource in resources_with(rig.answers):
        for operation, (method, path) in _endpoints(resource).items():
            if operation in resource["operations"]:
                require(f"{method.upper()} {path} is described", method in paths.get(path, {}))


def _endpoints(resource: samples.Resource) -> dict[str, tuple[str, str]]:
    many, one = samples.path(resource), samples.template(resource)
    return {
        "list": ("get", many),
        "create": ("post", many),
        "get": ("get", one),
        "update": ("patch", one),
        "delete": ("delete", one),
    }


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _check_operation(name: str, method: str, path: str, operation: Mapping[str, Any]) -> None:
    require(f"{name}: an operation of HTTP", method in _OPERATIONS, method)
    responses = operation["responses"]
    require(f"{name}: has responses", responses)
    for status, response in responses.items():
        require(
            f"{name}: a response is a status or the default",
            re.fullmatch(r"[1-5]\d\d|default", status),
            status,
        )
        require(
            f"{name}: response {status} has a description", "description" in response or "$ref" in response
        )
    expect(f"{name}: the type of errors", list(responses["default"]["content"]), ["application/problem+json"])
    parameters = operation.get("parameters", [])
    inside = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    expect(f"{name}: its parameters", inside, set(re.findall(r"\{(\w+)\}", path)))
    require(
        f"{name}: a parameter in the path is required",
        all(p["required"] for p in parameters if p["in"] == "path"),
    )


def its_documentation_needs_no_other_host(rig: Rig) -> None:
    """/api/docs is a page for people; everything on it comes from the service."""
    answer = rig.service.get("/api/docs")
    expect("the status of GET /api/docs", answer.status, 200)
    page = answer.body.decode()
    require("it names no other host", "://" not in page)
    parts = re.findall(r'(?:src|href)="([^"]+)"', page)
    require("it has scripts and styles", len(parts) > 1, parts)
    for part in parts:
        path = part if part.startswith("/") else f"/api/{part.removeprefix('./')}"
        expect(f"the status of GET {path}", rig.service.get(path).status, 200)


def a_wrong_configuration_ends_the_start(rig: Rig) -> None:
    """Wrong variables end the start with exit code 2 and a line for each fault, without any value."""
    changes: dict[str, str | None] = {"PORT": "seventy", "LOG_LEVEL": "loud-hidden"}
    for number, name in enumerate(rig.answers["connections"]):
        changes[name] = None if number else "mysql://hidden@db/x"
    changes |= dict.fromkeys(rig.answers["secrets"])
    done = rig.attempt(rig.serve, **changes)
    expect("the exit code", done.code, _WRONG)
    lines = done.err.splitlines()
    found = [re.match(r"configuration: ([A-Z][A-Z0-9_]*): \S", line) for line in lines]
    require("each line is `configuration: VARIABLE: what is wrong`", all(found), done.err)
    expect("the faults", sorted(m[1] for m in found if m), sorted(changes))
    require("no value is shown", "hidden" not in done.err)
    expect("standard output", done.out, "")


def a_port_that_is_taken_ends_the_start(rig: Rig) -> None:
    """A port in use ends the start with exit code 1 and says why."""
    second = rig.process("second")
    second.port = rig.service.port
    running = second.start()
    code = running.wait(START_SECONDS)
    if code is None:
        running.kill()
    expect("the exit code", code, _TAKEN)
    require("the log says why", "address already in use" in second.log.read_text(encoding="utf-8").lower())


def sigterm_ends_it_in_good_order(rig: Rig) -> None:
    """SIGTERM and SIGINT end an idle service at once, with exit code 0 and nothing of level error."""
    for number in rig.signals:
        with rig.another(f"ended-{number}") as service:
            began = time.monotonic()
            expect(f"the exit code after {signal.Signals(number).name}", service.stop(number), 0)
            took = time.monotonic() - began
            require(f"it ends within {_AT_ONCE:g} s", took < _AT_ONCE, took)
            errors = [record for record in service.records() if record["level"] in _ERRORS]
            expect("what it logs as an error", errors, [])


def sigterm_lets_requests_finish(rig: Rig) -> None:
    """After a signal no connection is accepted, a request in flight gets its answer, the exit code is 0."""
    resource = rig.pick("create")
    for number in rig.signals:
        with rig.another(f"draining-{number}") as service:
            held = service.hold(samples.path(resource), rig.body(resource))
            running = service.process
            running.send(number)
            within(10, "refusing new connections", partial(_deaf, service.port))
            expect("the exit code with a request in flight", running.code, None)
            expect("the status of the request in flight", held.finish().status, 201)
            expect("the exit code", running.wait(15), 0)


def _deaf(port: int) -> bool:
    return not listens(port)


def without_postgresql_it_is_unready(rig: Rig) -> None:
    """Without PostgreSQL a service is alive but not ready, refuses with 503, and recovers by itself."""
    with rig.without("DATABASE_URL"):
        answer = rig.service.get("/health/ready")
        expect("the status of GET /health/ready", answer.status, 503)
        checks = answer.json["checks"]
        expect("the checks that are down", [n for n in checks if checks[n]["status"] == "down"], ["database"])
        expect("the status of GET /health", rig.service.get("/health").status, 200)
        for resource in resources_with(rig.answers, "list"):
            refused = rig.service.get(samples.path(resource))
            expect(f"the status of GET {samples.path(resource)}", refused.status, 503)
            expect("its type", refused.headers["content-type"], "application/problem+json")
    for resource in resources_with(rig.answers, "list"):
        expect("the status once it is back", rig.service.get(samples.path(resource)).status, 200)


def without_redis_it_is_unready(rig: Rig) -> None:
    """Without Redis a service is alive but not ready, and recovers by itself."""
    _unready_without(rig, "REDIS_URL")


def without_nats_it_is_unready(rig: Rig) -> None:
    """Without NATS a service is alive but not ready, and recovers by itself."""
    _unready_without(rig, "NATS_URL")


def _unready_without(rig: Rig, connection: str) -> None:
    with rig.without(connection):
        answer = rig.service.get("/health/ready")
        expect("the status of GET /health/ready", answer.status, 503)
        expect("the check", answer.json["checks"][CHECKS[connection]]["status"], "down")
        expect("the status of GET /health", rig.service.get("/health").status, 200)


def migrations_may_run_at_the_same_time(rig: Rig) -> None:
    """Migrations that are run by several at once, and again, do their work once."""
    address = rig.empty_database()
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: rig.attempt(rig.migrate, DATABASE_URL=address), range(3)))
    done.append(rig.attempt(rig.migrate, DATABASE_URL=address))
    expect("the exit codes", [one.code for one in done], [0, 0, 0, 0])
    with rig.another("migrated", DATABASE_URL=address) as service:
        for resource in resources_with(rig.answers, "list"):
            expect(f"GET {samples.path(resource)}", service.get(samples.path(resource)).json["items"], [])
