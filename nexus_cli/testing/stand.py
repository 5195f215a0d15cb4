"""A stand: an isolated copy of the stack that tests may use as they like, gone when they are done."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_cli.blueprint.bind import unit_url
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Event, Failure, StepFailed
from nexus_cli.stack.detours import Edge
from nexus_cli.stack.down import bring_down
from nexus_cli.stack.stack import COPY, Stack, assemble
from nexus_cli.stack.up import bring_up, intend
from nexus_cli.tokens import DevelopmentKeys
from nexus_cli.workspace import DEFAULT_ENVIRONMENT

if TYPE_CHECKING:
    from nexus_cli.testing.run import Asked


@dataclass(frozen=True, slots=True)
class Stand:
    """A running stack: the platform's own with `--reuse`, else a copy."""

    stack: Stack

    @property
    def environment(self) -> str:
        """The environment that it is."""
        return self.stack.environment

    @property
    def gateway_url(self) -> str:
        """Where requests of users go; nothing on a platform without a gateway."""
        gateways = [c for c in self.stack.platform.components.values() if c.config]
        return unit_url(gateways[0], self.stack.bindings) if gateways else ""

    def url_of(self, name: str) -> str:
        """Where a service or component is reached."""
        return self.stack.unit(name).url

    def token(self, subject: str = "tester", **claims: object) -> str:
        """A token that the gateway accepts for an hour."""
        accepted = self.stack.platform.spec.gateway.jwt
        return DevelopmentKeys(self.stack.folder / "keys").token(
            subject, issuer=accepted.issuer, audience=accepted.audience, claims=claims
        )


@contextlib.contextmanager
def stand(
    asked: Asked,
    services: Sequence[str] = (),
    *,
    shared: bool = True,
    edges: Sequence[Edge] = (),
    disks: Mapping[str, int] | None = None,
) -> Iterator[Stand]:
    """Bring up a copy of the services with all that they need (all of them, if none are named).

    `edges` are connections that can be disturbed, `disks` the bytes that components have for their data.
    """
    del shared
    if asked.reuse:
        yield Stand(_running(asked))
        return
    environment = f"{COPY}{secrets.token_hex(3)}"
    folder = asked.workspace.environment_state(environment)
    try:
        yield Stand(_brought_up(asked, environment, services, edges, disks or {}))
    finally:
        if asked.keep:
            asked.progress(f"kept: nexus status --env {environment}")
        else:
            bring_down(folder, environment, (), lambda _: None, volumes=True)
            shutil.rmtree(folder, ignore_errors=True)


def _running(asked: Asked) -> Stack:
    stack = assemble(asked.workspace, DEFAULT_ENVIRONMENT, engine=asked.engine or None)
    if not stack.engine.observe():
        raise UsageError("nothing runs that could be used again", hint="nexus up, or leave out --reuse")
    return stack


def _brought_up(
    asked: Asked,
    environment: str,
    services: Sequence[str],
    edges: Sequence[Edge],
    disks: Mapping[str, int],
) -> Stack:
    failures: list[Failure] = []

    def listen(event: Event) -> None:
        if isinstance(event, StepFailed):
            failures.append(event.failure)

    began = time.monotonic()
    intent = intend(
        asked.workspace,
        environment,
        lambda stack: stack.subset(
            [*services, *(u.name for u in stack.units if u.upstreams)] if services else ()
        ),
        free_ports=True,
        engine=asked.engine or None,
        edges=edges,
        disks=disks,
    )
    outcome = bring_up(intent, listen)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if failures:
        said = "\n".join(f"{f.unit}: {f.reason}\n  " + "\n  ".join(f.log) for f in failures)
        raise NexusError(f"the copy of the platform does not start: {said}")
    asked.progress(f"{environment} runs after {time.monotonic() - began:.1f} s on {intent.stack.choice}")
    return intent.stack
