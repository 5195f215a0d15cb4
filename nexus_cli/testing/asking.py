"""Asks a gateway as a stranger would, request by request."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nexus_cli.conformance.service import Answer, exchange
from nexus_cli.errors import NexusError

_SECONDS = 15.0
_TOO_MANY = 429
_PATIENCE = 10.0  # seconds that a rate limit is sat out for
_POLL = 0.05


class Gateway:
    """What answers at an address; one connection for each request, so that no request depends on another."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self.https = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One answer; where a rate limit says to wait, it is waited for."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = exchange(self._connection(), method, path, body, headers or {})
            except (OSError, HTTPException) as error:
                said = str(error) or type(error).__name__
                raise NexusError(f"{method} {self.url}{path} got no answer: {said}") from error
            if answer.status != _TOO_MANY or time.monotonic() > deadline:
                return answer
            time.sleep(_POLL)

    def _connection(self) -> HTTPConnection:
        if self.https:
            # Certificates are judged by a test of their own; the others are about what lies behind.
            trusting = ssl._create_unverified_context()  # noqa: S323, SLF001
            return HTTPSConnection(self._host, self._port, timeout=_SECONDS, context=trusting)
        return HTTPConnection(self._host, self._port, timeout=_SECONDS)
