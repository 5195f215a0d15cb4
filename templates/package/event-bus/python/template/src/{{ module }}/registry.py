"""A registry of schemas that is a server, asked as Confluent's is: by its HTTP API, which Karapace and Apicurio have, too."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from .schemas import SchemaError, Schemas, check_evolution, is_avro

_SECONDS = 5.0
_FRESH = 60.0
_CONFLICT, _UNPROCESSABLE = 409, 422
_UNKNOWN = {40401, 40402}  # a subject, a version
_MEDIA = "application/vnd.schemaregistry.v1+json"
_log = logging.getLogger(__name__)


class Registry(Schemas):
    """The newest schema of each type that is asked for, kept for a minute; a type is a subject of its own.

    Only what a type's first event needs is waited for: when the server does not answer later, what is
    known of it counts on.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        if not url.startswith(("http://", "https://")):
            raise ValueError("a schema registry is reached by http or https")
        self._url = url.rstrip("/")
        self._asked: dict[str, float] = {}

    def register(self, kind: str, schema: dict[str, Any]) -> int:
        """Add the next version of a type, for everybody; its number as the server counts."""
        self._look(kind)
        for newest in self.known.get(kind, ()):
            check_evolution(kind, newest, schema)
        body = {"schema": json.dumps(schema), "schemaType": "AVRO" if is_avro(schema) else "JSON"}
        subject = _subject(kind)
        self._ask(kind, f"{subject}/versions", body)
        number: int = self._ask(kind, subject, body)["version"]
        self._look(kind)  # the newest may be another's
        return number

    async def refresh(self, kind: str) -> None:
        """Ask for the newest version, unless that was done just now."""
        if time.monotonic() - self._asked.get(kind, -_FRESH) < _FRESH:
            return
        try:
            await asyncio.to_thread(self._look, kind)
        except ConnectionError as error:
            if kind not in self._asked:
                raise
            self._asked[kind] = time.monotonic()
            _log.warning("%s: what is known of it counts on: %s", kind, error)

    def _look(self, kind: str) -> None:
        found = self._ask(kind, f"{_subject(kind)}/versions/latest")
        if found is None:
            self.known.pop(kind, None)
        elif found.get("schemaType", "AVRO") not in {"AVRO", "JSON"}:
            raise SchemaError(f"{kind}: neither Avro nor JSON Schema: {found['schemaType']}")
        else:
            self.known[kind] = [json.loads(found["schema"])]
        self._asked[kind] = time.monotonic()

    def _ask(self, kind: str, path: str, body: Any = None) -> Any:
        """Get, or post a body; None when there is no such thing."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": _MEDIA, "Content-Type": _MEDIA}
        request = Request(self._url + path, data, headers)  # noqa: S310 - http or https, as checked
        try:
            with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            with error:
                number, message = _told(error)
            if number in _UNKNOWN:
                return None
            if error.code == _CONFLICT:
                raise SchemaError(f"{kind}: not every reader could read it: {message}") from None
            if error.code == _UNPROCESSABLE:
                raise SchemaError(f"{kind}: {message}") from None
            raise ConnectionError(f"the schema registry answers {error.code}: {message}") from None
        except (OSError, ValueError, HTTPException) as error:
            raise ConnectionError(f"no schema registry answers at {self._url}: {error}") from error


def _subject(kind: str) -> str:
    return f"/subjects/{quote(kind, safe='')}"


def _told(error: HTTPError) -> tuple[int, str]:
    """Read the number and the message of a refusal."""
    try:
        found = json.load(error)
        return found["error_code"], found["message"]
    except (OSError, ValueError, KeyError, TypeError):
        return error.code, str(error.reason)
