"""What clauses are tried on: a service that runs, the servers behind it, and more processes of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import Answers, require, within
from nexus_cli.conformance.samples import Resource
from nexus_cli.conformance.service import Service
from nexus_cli.process import Completed, run

_CREATED = 201
_RECOVERY = 20.0
_MIGRATION = 60.0
CHECKS = {"DATABASE_URL": "database", "REDIS_URL": "redis", "NATS_URL": "nats"}
"""What readiness calls the server behind each connection."""


def resources_with(answers: Answers, *operations: str) -> Iterator[Resource]:
    """The resources of a service that have all of these operations."""
    if "DATABASE_URL" in answers["connections"]:
        yield from (r for r in answers["resources"] if set(operations) <= set(r["operations"]))


def creatable(resource: Resource) -> bool:
    """Whether one can be created over HTTP."""
    return "create" in resource["operations"]


class Server(Protocol):
    """A server that the service uses, which clauses stop and start again."""

    def start(self) -> None:
        """Start it with the data that it has, and return when it accepts connections."""

    def stop(self) -> None:
        """Stop it and keep its data."""

    def forget(self) -> None:
        """Remove the data of a server that is stopped."""


@dataclass
class Rig:
    """A service under test and its surroundings.

    `answers` are the variables of its template, `environment` all of its own variables but PORT. `servers`
    are by the variable of the connection. `empty_database` gives the address of a database without any table,
    `folder` is for logs, `secrets` are texts that the service may never print, `signals` what ends it.
    """

    answers: Answers
    serve: Sequence[str]
    migrate: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    folder: Path
    servers: Mapping[str, Server] = field(default_factory=dict)
    empty_database: Callable[[], str] = str
    secrets: Sequence[str] = ()
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT)

    def __post_init__(self) -> None:
        """Describe the one process of the service that most clauses share."""
        self.service = self.process("service")
        self._numbers = count(int(time.time()))  # also new where an earlier run has left some

    def process(self, name: str, **changes: str | None) -> Service:
        """A process of the service that is not started yet; a variable that is None is left out."""
        changed = {**self.environment, **changes}
        environment = {key: value for key, value in changed.items() if value is not None}
        return Service(self.serve, self.cwd, environment, self.folder / f"{name}.log")

    @contextmanager
    def another(self, name: str, **changes: str | None) -> Iterator[Service]:
        """A second process of the service, ready, which is ended afterwards."""
        service = self.process(name, **changes)
        try:
            service.up()
            yield service
        finally:
            service.stop()

    def attempt(self, command: Sequence[str], **changes: str | None) -> Completed:
        """Run a command of the service to its end."""
        variables = self.process("attempt", **changes).variables
        return run(command, cwd=self.cwd, env=variables, timeout=_MIGRATION)

    @contextmanager
    def without(self, connection: str) -> Iterator[None]:
        """Take the server of a connection away; afterwards it is back and the service is ready again."""
        server = self.servers[connection]
        server.stop()
        try:
            within(_RECOVERY, f"being unready without {CHECKS[connection]}", lambda: not self.service.ready())
            yield
        finally:
            server.start()
            within(_RECOVERY, f"readiness once {CHECKS[connection]} is back", self.service.ready)

    def body(self, resource: Resource) -> dict[str, Any]:
        """A valid body that no other is like; what it must refer to has been created."""
        targets = [field["target"] for field in resource["fields"] if field["type"] == "ref"]
        known = [
            other for other in self.answers["resources"] if other["name"] in targets and other is not resource
        ]
        references = {other["name"]: self.created(other)["id"] for other in known if creatable(other)}
        return samples.body(resource, next(self._numbers), references)

    def created(self, resource: Resource) -> dict[str, Any]:
        """A new one of a resource, as the service has answered."""
        answer = self.service.post(samples.path(resource), self.body(resource))
        require(f"POST {samples.path(resource)} creates one", answer.status == _CREATED, answer.body)
        item: dict[str, Any] = answer.json
        return item

    def pick(self, *operations: str) -> Resource:
        """The first resource with these operations."""
        return next(resources_with(self.answers, *operations))

    def migrated(self) -> None:
        """Bring the service's database to its newest revision."""
        done = self.attempt(self.migrate)
        require(f"the migration succeeds: {done.err or done.out}", done.code == 0)
