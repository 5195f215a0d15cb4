"""As much of the NATS protocol as it takes to publish an event, to see one, and to ask JetStream."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from nexus_cli.conformance.clause import ViolationError, require

_SECONDS = 10.0
_VERSION = "NATS/1.0"


@dataclass(frozen=True, slots=True)
class Message:
    """A message; the names of its headers are in lower case."""

    subject: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


class Nats:
    """A connection to a NATS server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 4222), _SECONDS)
        self._stream = self._socket.makefile("rb")
        options = {"verbose": False, "headers": True, "name": "conformance"}
        if parts.username:
            options |= (
                {"user": parts.username, "pass": parts.password}
                if parts.password
                else {"auth_token": parts.username}
            )
        self._send(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
        self._read("PONG")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def subscribe(self, subject: str) -> None:
        """From now on, see what is published on a subject."""
        self._send(f"SUB {subject} 1\r\nPING\r\n".encode())
        self._read("PONG")

    def publish(
        self, subject: str, body: Mapping[str, Any], headers: Mapping[str, str], reply: str = ""
    ) -> None:
        """Publish a message."""
        head = "\r\n".join(
            [_VERSION, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        ).encode()
        data = json.dumps(body).encode() if body else b""
        self._send(
            f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode() + head + data + b"\r\n"
        )

    def ask(
        self, subject: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Ask something; what is answered."""
        inbox = f"_INBOX.{uuid.uuid4().hex}"
        self.subscribe(inbox)
        self.publish(subject, body or {}, headers or {}, reply=inbox)
        answer = self.next(inbox).json
        require(f"{subject} succeeds", "error" not in answer, answer)
        return answer

    def next(self, subject: str = "") -> Message:
        """The next message, on this subject if one is given."""
        while True:
            message = self._message(self._read("MSG", "HMSG"))
            if subject in {"", message.subject}:
                return message

    def _message(self, line: str) -> Message:
        kind, subject, *_, size = line.split(" ")
        data = self._stream.read(int(size) + 2)[:-2]
        if kind == "MSG":
            return Message(subject, {}, data)
        length = int(line.split(" ")[-2])
        lines = data[:length].decode().split("\r\n")[1:]
        pairs = (text.partition(":") for text in lines if text)
        return Message(subject, {name.lower(): value.strip() for name, _, value in pairs}, data[length:])

    def _read(self, *kinds: str) -> str:
        """The next line of one of these kinds."""
        while True:
            try:
                line = self._stream.readline().decode().rstrip("\r\n")
            except TimeoutError:
                raise ViolationError(f"no message within {_SECONDS:g} s") from None
            require("NATS keeps the connection", line)
            kind = line.partition(" ")[0]
            if kind == "PING":
                self._send(b"PONG\r\n")
            elif kind == "-ERR":
                raise ViolationError(f"NATS says {line}")
            elif kind in kinds:
                return line

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)
