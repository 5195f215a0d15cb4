"""An environment that is deployed to: from what serves there to the units that should run, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.blueprint import bind
from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.load import did_you_mean, restored
from nexus_cli.blueprint.model import Component, Environment, Hooks, Platform, Service
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.identity import port_holder
from nexus_cli.release import artifact
from nexus_cli.release.history import serving
from nexus_cli.release.ledger import Entry, Ledger
from nexus_cli.release.record import Live, Release, Side
from nexus_cli.secrets import store
from nexus_cli.stack import engines
from nexus_cli.stack import ports as port_numbers
from nexus_cli.stack.desired import component_units, service_units
from nexus_cli.stack.forms import Code, Containers, Form, Layout, Processes
from nexus_cli.stack.gateway import gateway_files
from nexus_cli.stack.stack import Stack, checked
from nexus_cli.unit import Container, Origin, Unit
from nexus_cli.workspace import DEFAULT_ENVIRONMENT, Workspace

if TYPE_CHECKING:
    from nexus_generators import envoy

    from nexus_cli.engine.engine import Engine

PAUSED = "paused"
"""The outcome of a run that waits for a person."""
BROKEN_OFF = "broken-off"
"""The outcome of a run that failed, and whose way back failed too."""


@dataclass(frozen=True)
class Estate:
    """One environment, its engine and the ledger; every method reads, none changes what runs."""

    workspace: Workspace
    described: Environment
    platform: Platform
    ledger: Ledger
    choice: engines.Choice

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.described.name

    @property
    def title(self) -> str:
        """The platform and environment, for messages."""
        return f"{self.platform.name}/{self.name}"

    @property
    def folder(self) -> Path:
        """The environment's state folder."""
        return self.workspace.environment_state(self.name)

    @cached_property
    def engine(self) -> Engine:
        """Where the units run."""
        return engines.engine(self.choice, self.folder, self.title)

    @cached_property
    def layout(self) -> Layout:
        """Where units keep things."""
        return Layout(self.folder, store.key(self.folder))

    @cached_property
    def origins(self) -> dict[str, Origin]:
        """Where images are brought from that this environment's engine has not, by their identity."""
        return {}

    @cached_property
    def _loaded(self) -> dict[str, tuple[Release, Platform]]:
        return {}

    def live(self) -> Live:
        """What serves now, by the ledger."""
        return serving(self.ledger, self.name)

    def unfinished(self) -> Entry | None:
        """What was begun last, if it came to no end: it was killed, is paused, or could not be taken back."""
        begun, outcome = self._last()
        return begun if outcome in {"", PAUSED, BROKEN_OFF} else None

    @property
    def paused(self) -> bool:
        """Whether what was begun last waits for a person."""
        return self._last()[1] == PAUSED

    def _last(self) -> tuple[Entry | None, str]:
        """What was begun last, and what became of it, if it came to an end."""
        begun, ended = (self.ledger.last(self.name, kind) for kind in ("begun", "ended"))
        over = begun and ended and ended.body["run"] == begun.number
        return begun, ended.body["outcome"] if over and ended else ""

    def before_last(self) -> Live | None:
        """What served before the last change that is in force: one that succeeded, or was broken off."""
        open_ = self.unfinished()
        if open_ is not None:
            return Live.of(open_.body["before"])
        good = {
            entry.body["run"]
            for entry in self.ledger.entries(self.name, "ended")
            if entry.body["outcome"] == "succeeded"
        }
        runs = [entry for entry in self.ledger.entries(self.name, "begun") if entry.number in good]
        return Live.of(runs[-1].body["before"]) if runs else None

    def again(self, after: Live, now: Live, service: str, sides: Sequence[Side]) -> Live:
        """With a service's earlier sides: those that stand still serve, others are begun anew."""
        standing = {side.name for side in now.sides.get(service, ())}
        serving = max(sides, key=lambda side: side.share, default=None)
        if serving is None:
            return after.with_sides(service, ())
        if serving.name not in standing:
            number = max(now.revisions.get(service, 0), after.revisions.get(service, 0)) + 1
            serving = replace(serving, revision=number)
            after = replace(after, revisions={**after.revisions, service: number})
        return after.with_sides(service, (serving.sharing(100),))

    def release(self, version: str) -> Release:
        """A release of the ledger; an unknown one is a fault with a hint."""
        return self._load(version)[0]

    def know(self, release: Release) -> None:
        """Take a release that the ledger need not have yet."""
        platform = restored(self.workspace.root, release.blueprints)
        self._loaded[release.version] = release, platform

    def platform_of(self, version: str) -> Platform:
        """The platform as it was described when the release was made."""
        return self._load(version)[1]

    def _load(self, version: str) -> tuple[Release, Platform]:
        if version not in self._loaded:
            self.know(find_release(self.ledger, version))
        return self._loaded[version]

    def composed(self, live: Live) -> Platform:
        """The platform as it stands: each service and component as the release that serves describes it."""
        base = self.platform_of(live.base) if live.base else self.platform
        services = {
            name: self._service(side) for name in live.sides if (side := live.serving(name)) is not None
        }
        components = {
            name: self.platform_of(version).components[name] for name, version in live.components.items()
        }
        return replace(base, services=services, components=components)

    def _service(self, side: Side) -> Service:
        """A side's blueprint, with the environment's limits."""
        service = self.platform_of(side.release).services[side.service]
        limits = self.described.limits.get(side.service)
        return service.model_copy(update={"limits": limits}) if limits else service

    def gateway(self, live: Live) -> Component | None:
        """The component that leads requests to services, if there is one."""
        found = (self.platform_of(version).components[name] for name, version in live.components.items())
        return next((component for component in found if component.config == "envoy"), None)

    def bindings(self, live: Live) -> Bindings:
        """How everything that is live is bound."""
        platform, gateway = self.composed(live), self.gateway(live)
        more = sorted(live.units) if self.choice.engine == "process" else ()
        ports = port_numbers.chosen(self.folder, platform, dict.fromkeys(platform.services, 1), more)
        for name, mine in self.described.ports.items():
            ports[name] = {**ports.get(name, {}), **mine}
        return Bindings(
            environment=self.name,
            host=self.choice.host,
            public=self.described.target.public or "",
            containers=self.choice.engine == "docker",
            ports=ports,
            credentials=store.credentials(self.folder, platform),
            secrets=store.resolve(self.folder, platform, self.described.secrets),
            variables=self.described.variables,
            replicas=dict.fromkeys(platform.services, 1),
            through=gateway.name if gateway else "",
        )

    def settle(self, live: Live) -> None:
        """Choose lasting ports for what will begin; those held by other programs are not taken."""
        bindings = self.bindings(live)
        running = {seen.name for seen in self.engine.observe()}
        serving = self.live().sides
        starting = [name for name in bindings.ports if name not in running and name not in serving]
        if bindings.containers:
            starting = [name for name in starting if name in live.components]
        if self.choice.far:
            return  # what is free over there, only its engine knows
        ports = port_numbers.settle(
            bindings.ports, starting, seed=str(self.folder), substitute=True, holder=port_holder
        )
        port_numbers.keep(self.folder, self.composed(live), ports)

    def units(self, live: Live) -> list[Unit]:
        """Every unit of what is live: components with their jobs, then each side's replicas.

        A service's job is that of its newest side.
        """
        platform, bindings = self.composed(live), self.bindings(live)
        units = list(self._components(platform, bindings, live))
        known = bind.service_values(platform, bindings)
        for name in platform.services:
            newest = max(side.revision for side in live.sides[name])
            for side in live.sides[name]:
                found = self._of_side(platform, bindings, known, side)
                units.extend(u for u in found if u.kind == "service" or side.revision == newest)
        return _joined(units, live)

    def gateway_unit(self, live: Live) -> Unit | None:
        """The gateway as it has to be for what is live, if there is one."""
        gateway = self.gateway(live)
        platform = self.composed(live)
        if gateway is None:
            return None
        alone = replace(platform, components={gateway.name: gateway})
        found = self._components(alone, self.bindings(live), live)
        return next(unit for unit in found if unit.name == gateway.name)

    def _components(self, platform: Platform, bindings: Bindings, live: Live) -> Iterator[Unit]:
        gateway = self.gateway(live)
        files = {}
        if gateway is not None:
            sides = self._gateway_sides(platform, bindings, live)
            files = {gateway.name: gateway_files(platform, bindings, self.layout, gateway, sides)}
        form = self._form(platform, bindings)
        for unit in component_units(platform, bindings, self.layout, form, files):
            if gateway is not None and unit.name == gateway.name:
                routed = (side for sides in live.sides.values() for side in sides)
                yield replace(unit, upstreams=tuple(name for side in routed for name in side.units))
            else:
                yield unit

    def _gateway_sides(self, platform: Platform, bindings: Bindings, live: Live) -> envoy.Sides:
        from nexus_generators import envoy

        return {
            name: [
                envoy.Side(
                    side.name,
                    [
                        envoy.Endpoint(*bind.replica_address(platform.services[name], unit, bindings))
                        for unit in side.units
                    ],
                    side.share,
                )
                for side in sides
            ]
            for name, sides in live.sides.items()
        }

    def _of_side(
        self, platform: Platform, bindings: Bindings, known: Mapping[str, str], side: Side
    ) -> Iterator[Unit]:
        service = self._service(side)
        mine = replace(
            bindings,
            replicas={**bindings.replicas, service.name: side.replicas},
            revisions={service.name: side.revision},
        )
        seen = replace(platform, services={**platform.services, service.name: service})
        environment = bind.service_environment(seen, service, mine, known)
        code = self.code(side, mine)
        for unit in service_units(seen, service, mine, self.layout, code, environment):
            if bindings.containers and unit.kind == "service":
                yield replace(unit, ports={}, url="")  # reached through the gateway
            else:
                yield unit

    def hooks(self, units: Sequence[Unit], live: Live) -> Iterator[Unit]:
        """The jobs of the sides that serve: what is run in a release's environment when it comes or fails."""
        first = {unit.name: unit for unit in units}
        for name in live.sides:
            side = live.serving(name)
            if side is None or side.name not in first:
                continue
            for hook, command in hook_commands(self._service(side).deploy.hooks).items():
                yield _hook(first[side.name], f"{side.name}.{hook}", command)

    def code(self, side: Side, bindings: Bindings) -> Code:
        """How a side's code runs: from the release's own copy, never from what is being worked on."""
        release, platform = self._load(side.release)
        place = artifact.folder(self.workspace, side.service, release.artifacts[side.service])
        if not place.is_dir():
            raise NexusError(
                f"the code of {side.service} {release.version} is not here: removed, or released elsewhere",
                hint=f"git checkout {release.commit[:12] or 'what it was made of'}, and deploy that again",
            )
        code = self._form(replace(platform, root=place), bindings).code(self._service(side))
        if side.image and isinstance(code.runtime, Container):
            origin = self.origins.get(side.image)
            return replace(code, runtime=replace(code.runtime, image=side.image, origin=origin))
        return code

    def content(self, platform: Platform, bindings: Bindings, side: Side) -> str:
        """What tells whether another side would run anything else; tells nothing about the secrets in it."""
        service = self._service(side)
        seen = replace(platform, services={**platform.services, service.name: service})
        environment = bind.service_environment(seen, service, bindings)
        del environment["PORT"]
        code = self.code(replace(side, image=""), bindings)
        whole = self.release(side.release).artifacts[side.service].digest
        told = repr((whole, code.digest, code.serve, code.migrate, sorted(environment.items()), service.port))
        routes = repr([route.model_dump() for route in service.routes])
        return hashlib.blake2b(f"{told}{routes}".encode(), digest_size=8, key=self.layout.key).hexdigest()

    def _form(self, platform: Platform, bindings: Bindings) -> Form:
        if self.choice.engine == "process":
            return Processes(platform, bindings, self.layout)
        from nexus_cli.engine.docker.context import image_name

        return Containers(platform, bindings, self.layout, partial(image_name, platform.name))

    def stack(self, live: Live | None = None) -> Stack:
        """What is live, in the form in which every other command knows a stack."""
        live = live or self.live()
        platform, bindings = self.composed(live), self.bindings(live)
        return Stack(
            self.workspace, self.name, platform, bindings, self.units(live), self.engine, self.choice
        )


def hook_commands(hooks: Hooks) -> dict[str, tuple[str, ...]]:
    """The commands that a service has hooked in, by the name of the moment."""
    found = {
        "pre-deploy": hooks.pre_deploy,
        "post-deploy": hooks.post_deploy,
        "on-failure": hooks.on_failure,
    }
    return {name: command for name, command in found.items() if command}


def _hook(unit: Unit, name: str, command: tuple[str, ...]) -> Unit:
    """A job like a service's unit, that runs a command in its place."""
    runtime = unit.runtime
    if isinstance(runtime, Container):
        runtime = replace(runtime, entrypoint=command[:1], aliases=(), listens={})
        command = command[1:]
    return replace(
        unit,
        name=name,
        kind="job",
        command=command,
        runtime=runtime,
        ports={},
        probe=None,
        url="",
        fingerprint=f"hook={name}",
    )


def find_release(ledger: Ledger, version: str) -> Release:
    """The release of a version; an unknown one is a fault with a hint."""
    return release_among(releases(ledger), version)


def release_among(found: Mapping[str, Release], version: str) -> Release:
    """The release of a version among those that there are; else a fault with a hint."""
    if version not in found:
        hint = did_you_mean(version, found) or f"there are {', '.join([*found][-8:]) or 'none yet'}"
        raise UsageError(f'there is no release "{version}"', hint=hint)
    return found[version]


def environment_of(platform: Platform, name: str) -> Environment:
    """The environment of that name as it is described; an unknown one is a fault with a hint."""
    described = platform.environments.get(name)
    if described is None:
        known = ", ".join(sorted(platform.environments)) or "none yet"
        raise UsageError(
            f'unknown environment "{name}"',
            hint=did_you_mean(name, platform.environments)
            or f"there are {known}; `kind: environment` describes one",
        )
    return described


def releases(ledger: Ledger) -> dict[str, Release]:
    """Every release by its version, oldest first."""
    return {entry.body["version"]: Release.of(entry.body) for entry in ledger.entries(kind="release")}


def _joined(units: Sequence[Unit], live: Live) -> list[Unit]:
    """The units with needs that name units: of a service, those of the side that serves."""
    names = {unit.name for unit in units}
    serving = {name: side.units for name in live.sides if (side := live.serving(name)) is not None}
    return [
        replace(
            unit,
            needs=tuple(name for need in unit.needs for name in serving.get(need, (need,)) if name in names),
        )
        for unit in units
    ]


def estate(workspace: Workspace, name: str, *, engine: str | None = None) -> Estate:
    """A described environment of the workspace, with its ledger."""
    from nexus_cli.release.ledger import opened

    if name == DEFAULT_ENVIRONMENT:
        raise UsageError(
            f"{name} is where `nexus up` runs this folder; nothing is deployed to it",
            hint="describe another one: `kind: environment`, `name: staging`",
        )
    platform = checked(workspace.root)
    described = environment_of(platform, name)
    choice = engines.choose(workspace.environment_state(name), platform, name, engine)
    return Estate(workspace, described, platform, opened(workspace), choice)
