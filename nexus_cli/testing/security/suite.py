"""Security tests: what the workspace's files give away, and what strangers get from the running platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nexus_cli.errors import NexusError
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case, Status, Tell
from nexus_cli.testing.items import Items
from nexus_cli.testing.operations import NOBODY, Operation, operations
from nexus_cli.testing.retry import retried
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import (
    access,
    code,
    dependencies,
    dockerfiles,
    edge,
    injection,
    leaks,
    tenants,
    zap,
)
from nexus_cli.testing.security.strangers import strangers
from nexus_cli.testing.security.tools import MissingError
from nexus_cli.testing.stand import Stand, stand
from nexus_cli.tokens import bearer

KIND = "security"

FILES: Mapping[str, Callable[[Asked, Tell], None]] = {
    "secrets in files": leaks.check,
    "faults in code": code.check,
    "Dockerfiles": dockerfiles.check,
    "known faults of dependencies": dependencies.check,
}
"""What is seen in files, without anything that runs."""


@dataclass(frozen=True)
class Running:
    """The platform as it runs: its gateway, what can be asked of it, and the headers of who may ask."""

    asked: Asked
    stand: Stand
    gateway: Gateway
    operations: list[Operation]
    allowed: Mapping[str, str] | None


def run(asked: Asked, tell: Tell) -> None:
    """Look through the files while a copy of the platform comes up, then try that."""
    with ThreadPoolExecutor(1) as files:
        looking = files.submit(_files, asked, tell)
        try:
            _running(asked, tell)
            looking.result()
        except BaseException:
            asked.enough.set()
            asked.programs.end()
            raise


def _files(asked: Asked, tell: Tell) -> None:
    for name, check in FILES.items():
        if not asked.enough.is_set():
            asked.progress(f"security: {name}")
            try:
                check(asked, tell)
            except NexusError as error:
                tell(_not_done(name, error))


def _running(asked: Asked, tell: Tell) -> None:
    planned = operations(asked.platform, asked.services)
    if not planned:
        tell(Case(KIND, "platform", "the gateway", "not run", message="no route leads to what is tested"))
        return
    with stand(asked, asked.services) as made:
        accepted = asked.platform.spec.gateway.jwt
        # Where an identity provider signs, nexus has no key: what needs a valid token cannot be tried.
        allowed = None if accepted.jwks else bearer(made.token("nexus-test", tenant="nexus-test"))
        running = Running(asked, made, Gateway(made.gateway_url), planned, allowed)
        for name, check in LIVE.items():
            if not asked.enough.is_set():
                asked.progress(f"security: {name}")
                # what is seen in files is the same at each look; what runs may be late once
                for case in retried(asked.retries, lambda _, n=name, c=check: _tried(running, n, c)):  # type: ignore[misc]
                    tell(case)


def _tried(running: Running, name: str, check: Callable[[Running], Iterator[Case]]) -> Iterator[Case]:
    try:
        yield from check(running)
    except NexusError as error:
        yield _not_done(name, error)


def _not_done(name: str, error: NexusError) -> Case:
    """What a check could not do is a case, so that the others still run."""
    status: Status = "not run" if isinstance(error, MissingError) else "error"
    return Case(KIND, "platform", name, status, message=error.message, detail=error.hint or "")


def _access(running: Running) -> Iterator[Case]:
    accepted = running.asked.platform.spec.gateway.jwt
    keys = None if accepted.jwks else running.stand.keys
    if keys is None:
        why = "tokens come from an identity provider: expired ones and other tenants cannot be made here"
        yield Case(KIND, "platform", "tokens with a right signature", "not run", message=why)
    asking = strangers(keys, accepted)
    yield from access.cases(running.gateway, running.operations, asking, running.allowed)


def _roles(running: Running) -> Iterator[Case]:
    if running.allowed is not None:
        made = running.stand

        def of(roles: Sequence[str]) -> dict[str, str]:
            return bearer(made.token("nexus-test", roles=roles, tenant="nexus-test"))

        asking = [operation for operation in running.operations if operation.roles]
        yield from (access.by_role(running.gateway, one, made.roles, of) for one in asking)


def _tenants(running: Running) -> Iterator[Case]:
    if running.allowed is not None:  # what is said of a missing key is said by those who are let in
        made = running.stand

        def of(tenant: str) -> dict[str, str]:
            return bearer(made.token("nexus-test", tenant=tenant))

        yield from tenants.cases(running.gateway, running.operations, of)


def _headers(running: Running) -> Iterator[Case]:
    first = running.operations[0]
    paths = {"an answer of a service": first.path.replace("/{id}", ""), "a refusal": f"/{NOBODY}"}
    yield from edge.headers(running.gateway, paths)


def _encryption(running: Running) -> Iterator[Case]:
    if running.gateway.https:
        yield edge.encrypted(running.gateway.url)
    else:
        why = "the gateway of this copy speaks plain HTTP; what encrypts stands before it elsewhere"
        yield Case(KIND, "platform", "connections are encrypted well", "not run", message=why)


def _injection(running: Running) -> Iterator[Case]:
    if running.allowed is None and any(one.auth == "jwt" for one in running.operations):
        why = "tokens come from an identity provider"
        yield Case(KIND, "platform", "hostile input behind a token", "not run", message=why)
    allowed = running.allowed or {}
    wanted = [one for one in running.operations if running.allowed is not None or one.auth == "none"]
    items = Items(running.gateway, wanted, allowed)
    try:
        for operation in wanted:
            if not running.asked.enough.is_set():
                yield injection.withstands(running.gateway, operation, items, allowed)
    finally:
        items.remove()


def _zap(running: Running) -> Iterator[Case]:
    yield from zap.scan(running.asked, running.gateway.url)


LIVE: Mapping[str, Callable[[Running], Iterator[Case]]] = {
    "who is let in": _access,
    "roles": _roles,
    "tenants": _tenants,
    "headers": _headers,
    "encryption": _encryption,
    "hostile input": _injection,
    "ZAP": _zap,
}
"""What is tried on the running platform."""
