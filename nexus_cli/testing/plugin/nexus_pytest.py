"""Fixtures for tests of a running platform; `nexus test` says by NEXUS_STACK where it runs.

It stands alone: what runs the tests need not have nexus installed.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpx2
import pg8000.dbapi
import pytest

T = TypeVar("T")
_SECONDS = 30.0


def pytest_configure(config: pytest.Config) -> None:
    """Say what marks there are."""
    config.addinivalue_line("markers", "needs(*services): services without which the test is skipped")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a service that was not asked for."""
    path = os.environ.get("NEXUS_STACK")
    running = json.loads(Path(path).read_text(encoding="utf-8"))["services"] if path else {}
    for item in items:
        needed = [name for mark in item.iter_markers("needs") for name in mark.args]
        missing = sorted(set(needed) - set(running))
        if path and missing:
            item.add_marker(pytest.mark.skip(reason=f"{', '.join(missing)} does not run here"))


@dataclass(frozen=True)
class Service:
    """A service of the platform: its own address, past the gateway, and the variables that it runs with."""

    name: str
    url: str
    variables: dict[str, str]

    @functools.cached_property
    def client(self) -> httpx2.Client:
        """A client that asks the service itself."""
        return httpx2.Client(base_url=self.url, timeout=_SECONDS)


@dataclass(frozen=True)
class Stack:
    """The platform as it runs for these tests."""

    platform: str
    environment: str
    gateway_url: str
    services: dict[str, Service]
    token: str


@pytest.fixture(scope="session")
def nexus_stack() -> Iterator[Stack]:
    """The platform that is tested; without one, tests say so instead of passing."""
    path = os.environ.get("NEXUS_STACK")
    if not path:
        pytest.fail("NEXUS_STACK names no platform: run these tests with `nexus test --type integration`")
    said = json.loads(Path(path).read_text(encoding="utf-8"))
    services = {name: Service(name, one["url"], one["variables"]) for name, one in said["services"].items()}
    yield Stack(said["platform"], said["environment"], said["gateway_url"], services, said["token"])
    for service in services.values():
        service.client.close()


@pytest.fixture(scope="session")
def gateway_url(nexus_stack: Stack) -> str:
    """Where users reach the platform; what asks there is skipped while nothing can be reached."""
    if not nexus_stack.gateway_url:
        pytest.skip("no gateway runs: there is none, or no service that runs has a route")
    return nexus_stack.gateway_url


@pytest.fixture(scope="session")
def gateway(nexus_stack: Stack, gateway_url: str) -> Iterator[httpx2.Client]:
    """A client that asks through the gateway, with a token that it accepts."""
    headers = {"authorization": f"Bearer {nexus_stack.token}"}
    with httpx2.Client(base_url=gateway_url, headers=headers, timeout=_SECONDS) as client:
        yield client


@pytest.fixture(scope="session")
def service(nexus_stack: Stack) -> Callable[[str], Service]:
    """A service by its name: `service("order").client.get("/health")`."""

    def find(name: str) -> Service:
        if name not in nexus_stack.services:
            pytest.fail(f"{name} does not run; there are {', '.join(sorted(nexus_stack.services))}")
        return nexus_stack.services[name]

    return find


@pytest.fixture
def database(service: Callable[[str], Service]) -> Iterator[Callable[[str], pg8000.dbapi.Connection]]:
    """A connection to a service's own database: `database("order")`; what it changes is taken back."""
    connections: list[pg8000.dbapi.Connection] = []

    def connect(name: str) -> pg8000.dbapi.Connection:
        address = service(name).variables.get("DATABASE_URL")
        if address is None:
            pytest.fail(f"{name} has no database")
        parts = urlsplit(address)
        connection = pg8000.dbapi.connect(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            port=parts.port,
            database=parts.path.lstrip("/"),
            timeout=_SECONDS,
        )
        connections.append(connection)
        return connection

    yield connect
    for connection in connections:
        connection.rollback()
        connection.close()


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """What a call answers once it answers something true, within some seconds: `eventually(lambda: …)`."""

    def ask(call: Callable[[], T], seconds: float = _SECONDS) -> T:
        deadline = time.monotonic() + seconds
        while True:
            answer = call()
            if answer:
                return answer
            if time.monotonic() > deadline:
                pytest.fail(f"it did not happen within {seconds:g} s; last: {answer!r}")
            time.sleep(0.05)

    return ask
