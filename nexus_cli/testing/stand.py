"""A stand: an isolated copy of the needed part of the stack, which is tested and then taken down."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nexus_cli import workspace
from nexus_cli.blueprint.bind import service_environment
from nexus_cli.blueprint.model import Component, Service
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Event, Note, StepFailed, StepWaiting
from nexus_cli.identity import Identity, alive, identify
from nexus_cli.stack import engines, ports
from nexus_cli.stack.detours import Edge
from nexus_cli.stack.down import bring_down
from nexus_cli.stack.stack import Stack, assemble, isolated_notes, mark_isolated
from nexus_cli.stack.up import Intent, bring_up, intend
from nexus_cli.testing.run import Asked, uninterrupted
from nexus_cli.tokens import DevelopmentKeys
from nexus_cli.unit import State, Unit
from nexus_cli.workspace import DEFAULT_ENVIRONMENT

_PREFIX = "test-"


@dataclass(frozen=True)
class Stand:
    """A running copy: where it is reached, and who may ask it for what."""

    stack: Stack
    units: Sequence[Unit]

    @property
    def environment(self) -> str:
        """The environment's name, for `nexus status --env`."""
        return self.stack.environment

    @property
    def gateway(self) -> Component | None:
        """The gateway, if one of the running units is one."""
        names = {unit.name for unit in self.units if unit.upstreams}
        return next((c for name, c in self.stack.platform.components.items() if name in names), None)

    @property
    def gateway_url(self) -> str:
        """Where users reach the platform."""
        gateway = self.gateway
        if gateway is None:
            raise UsageError("the platform has no gateway", hint="nexus generate component gateway")
        return next(unit.url for unit in self.units if unit.name == gateway.name).rstrip("/")

    @property
    def services(self) -> list[Service]:
        """The services that run."""
        names = {unit.described for unit in self.units}
        return [service for name, service in self.stack.platform.services.items() if name in names]

    def url_of(self, service: str) -> str:
        """Where a service itself is reached from here, past the gateway."""
        unit = self.stack.unit(service)
        seen = next((seen for seen in self.stack.engine.observe() if seen.name == unit.name), None)
        if seen is None or seen.state is not State.RUNNING:
            raise NexusError(f"{service} does not run", hint=f"nexus logs {service} --env {self.environment}")
        host, port = seen.reach(unit.listens["http"])
        return f"http://{host}:{port}"

    def variables(self, service: str) -> dict[str, str]:
        """The variables of a service with the addresses under which what it uses is reached from here."""
        platform, bindings = self.stack.platform, replace(self.stack.bindings, containers=False)
        found = service_environment(platform, platform.services[service], bindings)
        return {name: self._reached(value) for name, value in found.items()}

    def token(
        self,
        subject: str = "tester",
        *,
        roles: Sequence[str] | None = None,
        tenant: str = "",
        lifetime: float = 3600,
        **claims: Any,
    ) -> str:
        """A token that the gateway of this copy accepts; a lifetime below zero has expired.

        It has every role that a route asks for, unless others are named.
        """
        accepted = self.stack.platform.spec.gateway.jwt
        roles = self.roles if roles is None else roles
        said: dict[str, Any] = {"roles": list(roles)} if roles else {}
        said |= {"tenant": tenant} if tenant else {}
        return self.keys.token(
            subject,
            issuer=accepted.issuer,
            audience=accepted.audience,
            claims={**said, **claims},
            lifetime=lifetime,
        )

    @property
    def roles(self) -> list[str]:
        """Every role that a route asks for, and `admin`, which services of one's own may know."""
        services = self.stack.platform.services.values()
        return sorted({"admin", *(role for s in services for route in s.routes for role in route.roles)})

    @property
    def keys(self) -> DevelopmentKeys:
        """What signs its tokens."""
        return DevelopmentKeys(self.stack.folder / "keys")

    def _reached(self, value: str) -> str:
        """An address without a port of this machine: the container's own, if it can be reached."""
        parts = urlsplit(value)
        if self.stack.choice.engine != "docker" or not parts.port:
            return value
        for seen in self.stack.engine.observe():
            unit = next((unit for unit in self.units if unit.name == seen.name), None)
            if unit is None or parts.port not in unit.ports.values():
                continue
            name = next(name for name, port in unit.ports.items() if port == parts.port)
            host, port = seen.reach(unit.listens.get(name, parts.port))
            login, at, _ = parts.netloc.rpartition("@")
            return urlunsplit(parts._replace(netloc=f"{login}{at}{host}:{port}"))
        return value


@contextmanager
def stand(
    asked: Asked,
    services: Sequence[str] = (),
    *,
    shared: bool = True,
    edges: Sequence[Edge] = (),
    disks: Mapping[str, int] | None = None,
) -> Iterator[Stand]:
    """A copy with these services (all if none), what they need and the gateway.

    One that is `shared` serves all kinds of a run and is taken down when the run ends; another one is
    taken down after the block. With --reuse, it is the development stack as it runs. Of one that is not
    shared, `edges` are connections that can be disturbed, and `disks` the bytes that components have for
    their data.
    """
    if asked.reuse:
        yield _running(asked, services)
        return
    if not shared:
        made = _made(asked, services, edges, disks)
        try:
            yield made
        finally:
            with uninterrupted():
                _take_down(asked, made)
        return
    known = asked.stands.get(tuple(sorted(services)))
    if known is None:
        known = _made(asked, services)
        asked.stands[tuple(sorted(services))] = known
        asked.closing.callback(_take_down, asked, known)
    yield known


def _running(asked: Asked, services: Sequence[str]) -> Stand:
    stack = assemble(asked.workspace)
    units = _wanted(stack, services)
    running = {seen.name for seen in stack.engine.observe() if seen.state is State.RUNNING}
    missing = sorted({unit.name for unit in units if not unit.may_end} - running)
    if missing:
        raise UsageError(f"{', '.join(missing)} does not run", hint="nexus up, or test without --reuse")
    return Stand(stack, units)


def _made(
    asked: Asked,
    services: Sequence[str],
    edges: Sequence[Edge] = (),
    disks: Mapping[str, int] | None = None,
) -> Stand:
    sweep(asked)
    found, platform = asked.workspace, asked.platform
    environment = f"{_PREFIX}{secrets.token_hex(3)}"
    asked.progress(f"bringing up {environment}, a copy of what is tested")
    mark_isolated(found, environment, _note(asked))
    folder = found.environment_state(environment)
    try:
        ports.keep(folder, platform, ports.elsewhere(platform, f"{found.root}:{environment}"))
        usual = engines.choose(found.environment_state(DEFAULT_ENVIRONMENT), platform, DEFAULT_ENVIRONMENT)
        begin = partial(intend, found, environment, engine=asked.engine or usual.engine, free_ports=True)
        decided = partial(begin, lambda stack: _wanted(stack, services), edges=edges, disks=disks)
        return _brought_up(asked, environment, decided)
    except BaseException:
        with uninterrupted():
            _remove(asked, environment)
        raise


def _brought_up(asked: Asked, environment: str, decided: Callable[[], Intent]) -> Stand:
    screen = _Listener(asked)
    folder = asked.workspace.environment_state(environment)
    with workspace.lock(folder, "test", screen):
        intent = decided()
        outcome = bring_up(intent, screen)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if not outcome.ok:
        raise NexusError(f"the stack did not come up: {screen.fault}", hint=screen.log)
    return Stand(intent.stack, intent.units)


def _wanted(stack: Stack, services: Sequence[str]) -> list[Unit]:
    if not services:
        return stack.subset(())
    chosen = {unit.name: unit for unit in stack.subset(services)}
    for gateway in (unit for unit in stack.units if unit.upstreams and not unit.profiles):
        leads = tuple(name for name in gateway.upstreams if name in chosen)
        others = {name for name in gateway.needs if name not in gateway.upstreams}
        if leads and gateway.name not in chosen:  # one that leads to these services only
            chosen |= {unit.name: unit for unit in stack.closure(others)}
            needs = tuple(name for name in gateway.needs if name in chosen)
            chosen[gateway.name] = replace(gateway, needs=needs, upstreams=leads)
    return [chosen[unit.name] for unit in stack.units if unit.name in chosen]


def _take_down(asked: Asked, made: Stand) -> None:
    if not asked.keep:
        asked.progress(f"taking down {made.environment}")
        _remove(asked, made.environment)
        return
    mark_isolated(asked.workspace, made.environment, "{}")
    asked.progress(f"{made.environment} was kept: nexus status --env {made.environment}")
    asked.progress(f"take it down: nexus down --volumes --env {made.environment}")


def _remove(asked: Asked, environment: str) -> None:
    """Take a copy down with all that it stored."""
    folder = asked.workspace.environment_state(environment)
    quiet: list[Event] = []
    with workspace.lock(folder, "test", quiet.append):
        outcome = bring_down(folder, f"down {environment}", (), quiet.append, volumes=True)
    if not outcome.ok:
        raise NexusError(
            f"{environment} could not be taken down: {', '.join(outcome.failed)}",
            hint=f"nexus down --volumes --env {environment}",
        )
    shutil.rmtree(folder, ignore_errors=True)


def sweep(asked: Asked) -> None:
    """Take down the copies whose run was killed."""
    for environment, note in isolated_notes(asked.workspace).items():
        owner = json.loads(note or "{}").get("owner")
        if owner is None and engines.in_use(asked.workspace.environment_state(environment)) is None:
            shutil.rmtree(asked.workspace.environment_state(environment))  # kept, and taken down since
        if owner and not alive(Identity(*owner)):
            asked.progress(f"taking down {environment}, which a run that was killed has left")
            _remove(asked, environment)


def _note(asked: Asked) -> str:
    """Who made the copy, so that it can be known whether they still need it."""
    del asked
    return json.dumps({"owner": identify(os.getpid())})


class _Listener:
    """Hears what happens while a copy comes up, and keeps why it did not."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.fault = "interrupted"
        self.log = ""

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if isinstance(event, StepFailed):
            self.fault = f"{event.unit}: {event.failure.reason}"
            self.log = "\n".join(event.failure.log)
        elif isinstance(event, StepWaiting) and not event.on:
            self.asked.progress(f"{event.unit}: {event.why}")
        elif isinstance(event, Note):
            self.asked.progress(event.message)


def shown(stand_: Stand) -> Mapping[str, Any]:
    """What programs that test are told of a stand, as JSON; it holds secrets, so the file is private."""
    services = {
        service.name: {"url": stand_.url_of(service.name), "variables": stand_.variables(service.name)}
        for service in stand_.services
    }
    jwt = stand_.stack.platform.spec.gateway.jwt
    return {
        "platform": stand_.stack.platform.name,
        "environment": stand_.environment,
        "gateway_url": stand_.gateway_url if stand_.gateway else "",
        "services": services,
        "token": stand_.token("tester", tenant="test"),
        "issuer": jwt.issuer,
    }
