"""What holds for every request: traces, logs, errors, limits."""

from __future__ import annotations

import gzip
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import expect, require, within
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.service import Answer
from nexus_cli.unit import HOST

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
_PROBLEM = "application/problem+json"
_HOSTILE = ("a b", "x" * 129, '"},{"level":"x', "../../etc", "ü")
_MALFORMED = (f"00-{'0' * 32}-{'0' * 16}-01", PARENT.upper(), f"{PARENT}-01", "00-0-0-0")
_TOO_LARGE = 1_100_000
_SPEAKER = {"level", "timestamp", "service", "event"}


def a_trace_is_continued(rig: Rig) -> None:
    """`x-correlation-id` and `traceparent` come back: the same correlation and trace, a span of its own."""
    answer = rig.service.get("/health", x_correlation_id="order-42", traceparent=PARENT)
    expect("x-correlation-id", answer.headers["x-correlation-id"], "order-42")
    version, trace, span, flags = answer.headers["traceparent"].split("-")
    expect("the trace", (version, trace, flags), ("00", TRACE, "01"))
    require("the span is a new one", re.fullmatch("[0-9a-f]{16}", span) and span not in PARENT, span)


def a_hostile_trace_is_replaced(rig: Rig) -> None:
    """A malformed `x-correlation-id` or `traceparent` is replaced, and so is one that is absent."""
    headers = [{"x_correlation_id": value} for value in _HOSTILE]
    headers += [{"traceparent": value} for value in _MALFORMED]
    for sent in [{}, *headers]:
        answer = rig.service.get("/health", **sent)
        trace = re.fullmatch(
            r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-01", answer.headers["traceparent"]
        )
        require(f"a traceparent after {sent}", trace and trace[1] != TRACE, answer.headers["traceparent"])
        expect(
            f"x-correlation-id after {sent}", answer.headers["x-correlation-id"], trace[1] if trace else ""
        )


def a_request_is_one_line_of_the_log(rig: Rig) -> None:
    """Every line of the log is a JSON object; a request is one, with its trace and without its query."""
    rig.service.get("/nowhere?token=hidden", x_correlation_id="find-me", traceparent=PARENT)
    (record,) = within(
        20, "the line of the request", lambda: rig.service.logged("request", correlation_id="find-me")
    )
    wanted = {"method": "GET", "path": "/nowhere", "route": "unmatched", "status": 404, "trace_id": TRACE}
    expect("the record", {name: record.get(name) for name in wanted}, wanted)
    require("how long it took", record["duration_ms"] >= 0, record)
    require("the span", re.fullmatch("[0-9a-f]{16}", record["span_id"]), record)
    require("the query is not logged", "hidden" not in rig.service.log.read_text(encoding="utf-8"))


def every_line_of_the_log_says_who_speaks(rig: Rig) -> None:
    """Every line of the log has its time, level and service; no secret is in any."""
    records = rig.service.records()
    require("there are lines", records)
    for record in records:
        require(f"{', '.join(sorted(_SPEAKER))}", record.keys() >= _SPEAKER, record)
        expect("the service", record["service"], rig.answers["name"])
    text = rig.service.log.read_text(encoding="utf-8")
    require("no secret is logged", not any(secret in text for secret in rig.secrets))


def probes_are_not_logged(rig: Rig) -> None:
    """Probes that succeed do not fill the log."""
    rig.service.get("/health", x_correlation_id="a-probe")
    rig.service.get("/nowhere", x_correlation_id="after-the-probe")
    within(20, "the line", lambda: rig.service.logged("request", correlation_id="after-the-probe"))
    expect("lines of the probe", rig.service.logged("request", correlation_id="a-probe"), [])


def errors_are_problems(rig: Rig) -> None:
    """Errors are problem details (RFC 9457): an unknown path, a refused method, a body too large."""
    _expect_problem("QUERY /health", rig.service.call("QUERY", "/health"), 405)
    _expect_problem("GET /nowhere", rig.service.get("/nowhere"), 404)
    refused = _expect_problem("DELETE /health", rig.service.call("DELETE", "/health"), 405)
    require("the allowed methods are named", "GET" in refused.headers.get("allow", ""), refused.headers)
    if resource := next(iter(resources_with(rig.answers, "create", "list")), None):
        refused = _expect_problem("PUT of a list", rig.service.call("PUT", samples.path(resource)), 405)
        allowed = {word.strip() for word in refused.headers["allow"].split(",")}
        expect("what is allowed", allowed - {"HEAD", "OPTIONS"}, {"GET", "POST"})
    path = next((samples.path(r) for r in resources_with(rig.answers, "create")), None)
    if path:  # a body is refused by its announced length, before it is sent
        _expect_problem("a body too large", rig.service.post(path, b"1", content_length=str(_TOO_LARGE)), 413)


def _expect_problem(what: str, answer: Answer, status: int) -> Answer:
    expect(f"{what}: status", answer.status, status)
    expect(f"{what}: type", answer.headers["content-type"], _PROBLEM)
    document = answer.json
    require(f"{what}: a title", isinstance(document.get("title"), str) and document["title"], document)
    expect(f"{what}: its type", document.get("type"), "about:blank")
    expect(f"{what}: its status", document.get("status"), status)
    expect(f"{what}: its correlation", document.get("correlation_id"), answer.headers["x-correlation-id"])
    return answer


def an_invalid_request_is_explained(rig: Rig) -> None:
    """An invalid request is a 422 problem with the place of every fault: `in`, `pointer`, `detail`."""
    path = samples.path(rig.pick("create"))
    malformed = _expect_problem("a body that is not JSON", rig.service.post(path, b"{"), 422)
    expect("the place of what is no JSON", malformed.json["errors"][0]["in"], "body")
    body = rig.body(rig.pick("create"))
    unknown = _expect_problem("an unknown field", rig.service.post(path, {**body, "no_such": 1}), 422)
    faults = [(fault["in"], fault["pointer"]) for fault in unknown.json["errors"]]
    expect("the places of its faults", faults, [("body", "/no_such")])
    empty = _expect_problem("nothing of what is required", rig.service.post(path, {}), 422)
    pointers = {fault["pointer"] for fault in empty.json["errors"]}
    resource = rig.pick("create")
    required = {f"/{f['name']}" for f in resource["fields"] if not f["optional"] and f["default"] is None}
    expect("all faults at once", pointers, required)
    require("each fault is explained", all(fault["detail"] for fault in empty.json["errors"]), empty.json)


def an_unforeseen_error_hides_its_cause(rig: Rig) -> None:
    """An unforeseen error is a 500 problem that says nothing of its cause; the log says all of it."""
    path = samples.path(rig.pick("list"))
    with rig.another("tableless", DATABASE_URL=rig.empty_database()) as service:
        answer = _expect_problem("an unforeseen error", service.get(path, x_correlation_id="unforeseen"), 500)
        require("it says nothing of its cause", b"does not exist" not in answer.body, answer.body)
        records = [r for r in service.records() if r.get("correlation_id") == "unforeseen"]
        told = [record for record in records if record["level"] == "error"]
        require(
            "the log has the cause", any("does not exist" in str(r.get("exception")) for r in told), records
        )


def answers_carry_security_headers(rig: Rig) -> None:
    """Answers forbid what browsers should not do with them."""
    for path in ("/health", "/nowhere"):
        headers = rig.service.get(path).headers
        expect("x-content-type-options", headers.get("x-content-type-options"), "nosniff")
        expect("x-frame-options", headers.get("x-frame-options"), "DENY")
        require("a policy", "default-src 'none'" in headers.get("content-security-policy", ""), headers)


def traces_go_to_the_collector(rig: Rig) -> None:
    """With OTEL_EXPORTER_OTLP_ENDPOINT set, spans go to the collector, the last of them before the end."""
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, _body(self)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer((HOST, 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            endpoint = f"http://{HOST}:{server.server_port}"
            with rig.another("traced", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as service:
                answer = service.get("/nowhere", traceparent=PARENT)
                expect("the trace", answer.headers["traceparent"].split("-")[1], TRACE)
                expect("the exit code", service.stop(), 0)
        finally:
            server.shutdown()
            thread.join()
    expect("where spans went", {path for path, _ in received}, {"/v1/traces"})
    bodies = [gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for _, body in received]
    require("the request's span is among them", any(_has(body, TRACE) for body in bodies))


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, whether its length was announced or not."""
    if "content-length" in request.headers:
        return request.rfile.read(int(request.headers["content-length"]))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size + 2)[:-2]
    request.rfile.readline()
    return body


def _has(body: bytes, trace: str) -> bool:
    """Whether spans have a trace, in either encoding of OTLP."""
    return bytes.fromhex(trace) in body or trace.encode() in body.lower()
