"""Contract tests: what services promise each other, asked of the services themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from nexus_cli.blueprint.model import Service
from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.contract import breaking, calls, document, promises
from nexus_cli.testing.retry import retried
from nexus_cli.testing.run import Asked
from nexus_cli.testing.stand import Stand, stand

KIND = "contract"
OPENAPI = "/api/openapi.json"
_SECONDS = 10.0

Documents = Mapping[str, dict[str, Any]]


def run(asked: Asked, tell: Tell) -> None:
    """Hold every wanted service to the contract of services, to its document and to its last one."""
    wanted = [name for name in asked.platform.services if asked.wants(name)]
    if not wanted:
        tell(Case(KIND, "platform", "contract", "not run", message="there is no service"))
        return
    with stand(asked, asked.among_services) as made:
        documents = _documents(asked, made, tell)
        for case in calls.check(asked.platform, documents, [one.name for one in made.services]):
            tell(case)
        parts: list[Callable[[], Iterator[Case]]] = []
        for name in wanted:
            service = asked.platform.services[name]
            parts.append(lambda s=service: promises.check(asked, made, s))  # type: ignore[misc]
            if name in documents:
                url, said = made.url_of(name), documents[name]
                parts.append(lambda s=service, u=url, d=said: document.check(asked, s, u, d))  # type: ignore[misc]
                parts.append(lambda s=service, d=said: breaking.check(asked, s.name, d))  # type: ignore[misc]
        _all(asked, parts, tell)


def _all(asked: Asked, parts: list[Callable[[], Iterator[Case]]], tell: Tell) -> None:
    def one(part: Callable[[], Iterator[Case]]) -> None:
        if asked.enough.is_set():
            return
        for case in retried(asked.retries, lambda _: part()):
            tell(case)

    with ThreadPoolExecutor(asked.parallel) as pool:
        try:
            list(pool.map(one, parts))
        except BaseException:
            asked.enough.set()
            asked.programs.end()
            raise


def _documents(asked: Asked, made: Stand, tell: Tell) -> dict[str, dict[str, Any]]:
    """What each running service says that it serves."""
    found = {}
    for service in made.services:
        try:
            found[service.name] = _read(made.url_of(service.name))
        except NexusError as error:
            if asked.wants(service.name) and _described(service):
                tell(Case(KIND, service.name, "OpenAPI document", "failed", message=error.message))
    return found


def _described(service: Service) -> bool:
    """Whether the service is one of ours, which all describe themselves."""
    from nexus_cli.blueprint.types import SERVICE_TYPES

    return service.type in SERVICE_TYPES and SERVICE_TYPES[service.type].models


def _read(url: str) -> dict[str, Any]:
    try:
        with urlopen(f"{url}{OPENAPI}", timeout=_SECONDS) as answer:  # noqa: S310 - a service of this stack
            said = json.load(answer)
    except (OSError, HTTPException, ValueError) as error:
        raise NexusError(f"{OPENAPI} cannot be read: {error}") from error
    if not isinstance(said, dict) or "paths" not in said:
        raise NexusError(f"{OPENAPI} is no OpenAPI document")
    return said
