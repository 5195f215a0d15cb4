"""A server made from the document: each case has an address, where requests are compared with it."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from nexus_generators.openapi.cases import BYTES, Case, text
from nexus_generators.openapi.model import Body

_LIMIT = 16 * 1024 * 1024
_SHOWN = 160


class CaseServer:
    """Serves `/N/…` for case N on a port of this machine; `faults` collects what requests had wrong."""

    def __init__(self, cases: Mapping[int, Case], check: Callable[[str, Any], str]) -> None:
        self.faults: dict[int, list[str]] = {}
        self.called: dict[int, int] = {}
        server = self

        class Handler(_Handler):
            owner = server

        self.cases = cases
        self.check = check
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    owner: CaseServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Nobody reads it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = (
            self._chunked() if self.headers.get("transfer-encoding") else self.rfile.read(min(length, _LIMIT))
        )
        first, _, rest = self.path[1:].partition("/")
        number = first.partition("?")[0]
        case = self.owner.cases.get(int(number)) if number.isdigit() else None
        if case is None:
            self._answer(404, "text/plain", b"no such case")
            return
        key = int(number)
        self.owner.called[key] = self.owner.called.get(key, 0) + 1
        raw, _, query = (
            f"/{rest}" if rest or "/" in self.path[1:] else self.path[1 + len(number) :]
        ).partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = differences(case, self.command, raw, query, headers, body)
        if case.body is not None and case.body.kind == "json" and not found:
            wrong = self.owner.check(f"{case.body.pointer}/schema", json.loads(body))
            found += [f"the body does not fit its schema: {wrong}"] if wrong else []
        if found:
            self.owner.faults.setdefault(key, []).extend(found)
        self._answer(*answer(case))

    def _chunked(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, media: str, content: bytes) -> None:
        self.send_response(status)
        if media:
            self.send_header("Content-Type", media)
        if status not in {204, 304} and status >= 200:  # noqa: PLR2004
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status not in {204, 304}:
            self.wfile.write(content)


def answer(case: Case) -> tuple[int, str, bytes]:
    """Status, media type and content of a case's answer."""
    said, value = case.answer, case.answer_value
    if said is None or said.kind == "none":
        return case.status, "", b""
    match said.kind:
        case "json":
            content = json.dumps(value)
        case "jsonl":
            content = "".join(json.dumps(item) + "\n" for item in value)
        case "event":
            content = "".join("".join(f"{k}: {text(v)}\n" for k, v in item.items()) + "\n" for item in value)
        case "sse":
            content = "".join(f"data: {json.dumps(item)}\n\n" for item in value)
        case _:
            content = BYTES
    media = said.media if "*" not in said.media else "application/octet-stream"
    return case.status, media, content.encode()


def differences(
    case: Case, method: str, raw: str, query: str, headers: Mapping[str, str], body: bytes
) -> list[str]:
    """How a request differs from what the case asks for."""
    found = []
    operation = case.operation
    if method != operation.method:
        found.append(f"the method is {method}, not {operation.method}")
    wanted = case.path if case.path.startswith("/") else f"/{case.path}"
    if unquote(raw) != unquote(wanted.partition("?")[0]):
        found.append(f"the path is {_short(raw)}, not {_short(wanted)}")
    fixed = parse_qsl(wanted.partition("?")[2], keep_blank_values=True)
    got = parse_qsl(query, keep_blank_values=True)
    if not _same_pairs(got, [*fixed, *case.query]):
        found.append(f"the query is {_short(got)}, not {_short(case.query)}")
    for name, value in case.headers.items():
        if name == "cookie":
            pairs = {part.strip() for part in headers.get("cookie", "").split(";")}
            missing = {part.strip() for part in value.split(";")} - pairs
            found += [f"the cookie {_short(missing)} is missing"] if missing else []
        elif not _same(headers.get(name), value):
            found.append(f"the header {name} is {_short(headers.get(name))}, not {_short(value)}")
    if case.body is not None:
        found.extend(_body(case.body, case.body_value, headers.get("content-type", ""), body))
    elif body:
        found.append(f"there is a body: {_short(body)}")
    return found


def _body(spec: Body, value: Any, media: str, body: bytes) -> list[str]:
    name = media.split(";", maxsplit=1)[0].strip().lower()
    wanted = spec.media.split(";")[0].strip().lower()
    if name != wanted and "*" not in wanted:
        return [f"the body is {name or 'of no type'}, not {wanted}"]
    try:
        match spec.kind:
            case "json":
                got: Any = json.loads(body)
            case "jsonl":
                got = [json.loads(line) for line in body.splitlines() if line.strip()]
            case "form":
                pairs = parse_qsl(body.decode(), keep_blank_values=True)
                return [] if _same_pairs(pairs, fields(value)) else [f"the form is {_short(pairs)}"]
            case "multipart":
                parts = _parts(media, body)
                return [] if _same_pairs(parts, fields(value)) else [f"the parts are {_short(parts)}"]
            case _:
                got, value = body.decode(), BYTES
    except ValueError as error:
        return [f"the body cannot be read: {error}"]
    return [] if equal(got, value) else [f"the body is {_short(got)}, not {_short(value)}"]


def fields(value: Any) -> list[tuple[str, str]]:
    """The fields of a form."""
    items = value.items() if isinstance(value, dict) else ()
    return [(name, text(p)) for name, item in items for p in (item if isinstance(item, list) else [item])]


def _parts(media: str, body: bytes) -> list[tuple[str, str]]:
    head = f"Content-Type: {media}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    found: list[tuple[str, str]] = []
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        raw = part.get_payload(decode=True)
        content = raw.decode() if isinstance(raw, bytes) else str(raw)
        if part.get_content_type() == "application/json":
            loaded = json.loads(content)
            found.extend((name, text(item)) for item in (loaded if isinstance(loaded, list) else [loaded]))
        else:
            found.append((name, content))
    return found


def _same_pairs(got: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> bool:
    ours, theirs = sorted(got), sorted(wanted)
    return len(ours) == len(theirs) and all(
        a[0] == b[0] and _same(a[1], b[1]) for a, b in zip(ours, theirs, strict=True)
    )


def _same(got: str | None, wanted: str) -> bool:
    """Whether two texts say the same: alike, the same number, or the same JSON."""
    if got == wanted:
        return True
    try:
        return got is not None and equal(json.loads(got), json.loads(wanted))
    except ValueError:
        return False


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
