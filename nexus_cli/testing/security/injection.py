"""Hostile input at every place that takes input: never an error of the server, never an echo, never a run."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from nexus_cli.conformance.service import Answer
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case
from nexus_cli.testing.items import Items
from nexus_cli.testing.operations import NOBODY, Operation

KIND = "security"
_SLEEP = 3
_PROOF = "50337"  # 7 * 7191: appears only where somebody has worked it out
_TAG = "<script>nexus(1)</script>"
_HEADER = "x-nexus-injected"
_PROBLEM, _BROKEN = 400, 500

PAYLOADS: Mapping[str, str] = {
    "SQL that is always true": "' OR '1'='1' -- ",
    "SQL that is a second statement": f"1'; SELECT pg_sleep({_SLEEP}); -- ",
    "SQL that waits": f"' || (SELECT pg_sleep({_SLEEP})) || '",
    "SQL that unites": '") UNION SELECT NULL, version() -- ',
    "a template": "{{7*7191}}${7*7191}#{7*7191}<%= 7*7191 %>",
    "a command": "$(expr 7 \\* 7191)`expr 7 \\* 7191`; expr 7 \\* 7191 #",
    "a path": "../../../../../../etc/passwd",
    "a path in disguise": "....//....//....//etc/passwd\0.txt",
    "a script": _TAG,
    "a line break": f"x\r\n{_HEADER}: yes\r\n",
    "a look-up": "${jndi:ldap://127.0.0.1:1/x}",
    "an operator of documents": '{"$gt": ""}',
    "a format": "%s%n%x" * 20,
    "a very long text": "A" * 4000,
}
_LEAKS = re.compile(
    r"Traceback \(most recent call last\)|SQLSTATE|syntax error at or near|(?:sqlalchemy|asyncpg)\.\w"
    r"|goroutine \d+ \[|\bat \S+ \(\S+:\d+:\d+\)|root:[^:]*:0:0:|PostgreSQL \d"
)
_HEADERS = ("x-correlation-id", "user-agent", "accept-language", "if-match", "idempotency-key", "cookie")
_QUERY = ("limit", "cursor", "sort", "q")
_BODIES: Mapping[str, bytes] = {
    "no JSON": b"{",
    "an array": b"[]",
    "a number": b"7",
    "JSON without end": b"[" * 20_000,
    "a huge number": b'{"quantity": 1e400}',
    "what is not UTF-8": b'{"name": "\xff\xfe"}',
}


Body = Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One hostile request: `what` it carries and `where`."""

    what: str
    where: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def name(self) -> str:
        """How a person calls it."""
        return f"{self.what} in {self.where}"


def attempts(operation: Operation, identifier: str, usual: Body) -> Iterator[Attempt]:
    """Everything that is tried on an operation, by changing one thing of what is `usual`."""
    plain = operation.at(identifier)
    for what, payload in PAYLOADS.items():
        escaped = quote(payload, safe="")
        if operation.at("") != plain:
            yield Attempt(what, "the path", operation.at(escaped), body=usual)
        for name in _parameters(operation):
            yield Attempt(what, f"the parameter {name}", f"{plain}?{name}={escaped}", body=usual)
        for name in _HEADERS if operation.does in {"list", ""} else ():
            if payload.isprintable() and len(payload) < 1000:  # noqa: PLR2004 - else the client refuses it
                yield Attempt(what, f"the header {name}", plain, {name: payload}, usual)
        for name in usual or ():
            yield Attempt(what, f"the field {name}", plain, body={**(usual or {}), name: payload})
    if usual is not None:
        for what, raw in _BODIES.items():
            yield Attempt(what, "the body", plain, body=raw)


def _parameters(operation: Operation) -> list[str]:
    if operation.does not in {"list", ""}:
        return []
    fields = operation.resource["fields"] if operation.resource else ()
    return [*_QUERY, *(one["name"] for one in fields)]


def fault(attempt: Attempt, answer: Answer, seconds: float) -> str:
    """What is wrong with an answer; nothing, if it gives nothing away."""
    text = answer.body.decode("utf-8", "replace")
    leak = _LEAKS.search(text)
    html = "html" in answer.headers.get("content-type", "")
    if answer.status >= _BROKEN:
        return f"{answer.status}"
    if leak:
        return f"the answer shows the inside: {leak[0]}"
    if _PROOF in text:
        return "it was worked out"
    if _TAG in text and (html or answer.status >= _PROBLEM):
        return "the answer repeats it"
    if _HEADER in answer.headers:
        return "it became a header of the answer"
    if "pg_sleep" in f"{attempt.path}{attempt.headers}{attempt.body}" and seconds >= _SLEEP:
        return f"the answer took {seconds:.1f} s: it was run"
    return ""


def withstands(gateway: Gateway, operation: Operation, items: Items, allowed: Mapping[str, str]) -> Case:
    """Try everything on an operation, with what its requests need."""
    began = time.monotonic()
    faults: list[str] = []
    identifier = items.one(operation) if operation.does in {"get", "update"} else NOBODY
    for attempt in attempts(operation, identifier, items.body(operation)):
        start = time.monotonic()
        headers = {**operation.headers, **allowed, **attempt.headers}
        answer = gateway.ask(operation.method, attempt.path, attempt.body, headers)
        said = fault(attempt, answer, time.monotonic() - start)
        if said:
            faults.append(f"{attempt.name}: {said}")
        items.note(operation, answer)
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Case(
        KIND,
        operation.service,
        f"{operation.name} withstands hostile input",
        "failed" if faults else "passed",
        time.monotonic() - began,
        f"{faults[0]}{more}" if faults else "",
        "\n".join(faults),
        operation.file,
        operation.line,
    )
