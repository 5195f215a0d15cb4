"""A service as a process of this machine, and a plain HTTP client for it."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any

from nexus_cli.conformance.clause import ViolationError, expect, require, within
from nexus_cli.process import Background
from nexus_cli.unit import HOST

START_SECONDS = 60.0
STOP_SECONDS = 15.0
_ANSWER_SECONDS = 20.0
TENANT = "conformance"
"""Whose requests these are, unless one says otherwise: behind a gateway each has a tenant."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ViolationError(f"a body is not JSON: {self.body[:200]!r}") from error

    @classmethod
    def of(cls, response: HTTPResponse) -> Answer:
        """A response, read to its end."""
        return cls(response.status, _lower(response.headers), response.read())


def exchange(
    connection: HTTPConnection, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> Answer:
    """One request and its answer on a connection that ends with it; a body that is not bytes goes as JSON.

    Path and headers are sent as they are: what asks is a test, and a hostile one may be meant.
    """
    sent = dict(headers)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if data is not None:
        sent.setdefault("content-type", "application/json")
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in ({"content-length": str(len(data))} if data is not None else {}).items():
            connection.putheader(name, sent.pop(name, value))
        for name, value in sent.items():
            connection.putheader(name, value.encode("utf-8"))
        connection.putheader("connection", "close")
        connection.endheaders(data)
        return Answer.of(connection.getresponse())
    finally:
        connection.close()


@dataclass
class Service:
    """A service: how it is served, its variables without the port, and the file that it logs to."""

    command: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    running: Background | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Every variable that it is started with."""
        return {"PORT": str(self.port), **self.environment}

    @property
    def process(self) -> Background:
        """The process that runs."""
        if self.running is None:
            raise ViolationError("it does not run")
        return self.running

    def start(self) -> Background:
        """Start it, and wait for nothing."""
        self.running = Background(self.command, output=self.log, cwd=self.cwd, env=self.variables)
        return self.running

    def listen(self) -> None:
        """Start it, and wait until it accepts connections."""
        running = self.start()
        within(START_SECONDS, "listening", lambda: self._alive(running) and listens(self.port))

    def up(self) -> float:
        """Start it, and wait until it is ready; the seconds that this took."""
        began = time.monotonic()
        running = self.start()
        within(START_SECONDS, "readiness", lambda: self._alive(running) and self.ready())
        return time.monotonic() - began

    def _alive(self, running: Background) -> bool:
        require(f"it ended while it started: {self._last_words()}", running.code is None)
        return True

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        running, self.running = self.running, None
        if running is None:
            return 0
        running.send(number)
        code = running.wait(STOP_SECONDS)
        if code is None:
            running.kill()
            raise ViolationError(f"it still ran {STOP_SECONDS:g} s after {signal.Signals(number).name}")
        return code

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        try:
            return self.get("/health/ready").status == 200  # noqa: PLR2004 - HTTP's own
        except (OSError, HTTPException):
            return False

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request: a body of bytes as it is, any other as JSON; `_` in a header's name means `-`."""
        sent = {"x-tenant-id": TENANT}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return exchange(HTTPConnection(HOST, self.port, timeout=_ANSWER_SECONDS), method, path, body, sent)

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.call("GET", path, None, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)

    def hold(self, path: str, body: Any) -> HeldRequest:
        """Begin a POST, and return when the service has asked for its body."""
        return HeldRequest(self.port, path, json.dumps(body).encode())

    def records(self) -> list[dict[str, Any]]:
        """What it has logged; every line must be a JSON object."""
        records = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ViolationError(f"a line of the log is not JSON: {line[:200]!r}") from error
            require("a line of the log is no JSON object", isinstance(record, dict), line)
            records.append(record)
        return records

    def logged(self, event: str, **members: object) -> list[dict[str, Any]]:
        """The records of an event with these members."""
        wanted = {"event": event, **members}
        return [record for record in self.records() if wanted.items() <= record.items()]


class HeldRequest:
    """A POST in flight whose body is still owed."""

    def __init__(self, port: int, path: str, body: bytes) -> None:
        self._body = body
        self._socket = socket.create_connection((HOST, port), _ANSWER_SECONDS)
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {HOST}:{port}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            block = self._socket.recv(1)
            require("a request with `expect: 100-continue` is asked for its body", block, said)
            said += block
        expect("the interim response", said.split(b" ")[1], b"100")

    def finish(self) -> Answer:
        """Send the body and read the answer."""
        with self._socket:
            self._socket.sendall(self._body)
            response = HTTPResponse(self._socket, method="POST")
            response.begin()
            return Answer.of(response)


def _lower(headers: HTTPMessage) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
