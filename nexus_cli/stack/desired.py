"""From a platform and its bindings to the units that should run; pure but for hashing code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from nexus_cli.blueprint import bind
from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.model import Component, ComponentHealth, Platform, Service, Task, Use
from nexus_cli.blueprint.references import resolve
from nexus_cli.stack.forms import Code, Form, Layout
from nexus_cli.stack.reconcile import fingerprint
from nexus_cli.unit import Container, File, Probe, Runtime, Unit

_EXEC_INTERVAL = 0.1  # a command costs more than a request


def desired(
    platform: Platform,
    bindings: Bindings,
    layout: Layout,
    form: Form,
    configuration: Mapping[str, Mapping[str, File]],
    told: Platform | None = None,
) -> list[Unit]:
    """Every unit of the platform; `configuration` is what generators wrote for components, by name.

    `told` is the platform of which services are told, where that has more than is there.
    """
    told = told or platform
    known = bind.service_values(told, bindings)
    units = list(component_units(platform, bindings, layout, form, configuration))
    for service in platform.services.values():
        if bind.replicas(service, bindings):
            environment = bind.service_environment(told, service, bindings, known)
            units.extend(
                service_units(
                    platform, service, bindings, layout, form.code(service), environment, form.store
                )
            )
    names = {unit.name for unit in units}
    return [replace(unit, needs=tuple(need for need in unit.needs if need in names)) for unit in units]


def component_units(
    platform: Platform,
    bindings: Bindings,
    layout: Layout,
    form: Form,
    configuration: Mapping[str, Mapping[str, File]],
) -> Iterator[Unit]:
    """The components, and after each the jobs that prepare it for the services which use it."""
    for component in platform.components.values():
        generated = configuration.get(component.name, {})
        yield _component(platform, component, bindings, layout, form, generated)
        yield from _consumer_jobs(platform, component, bindings, layout, form)


def _component(
    platform: Platform,
    component: Component,
    bindings: Bindings,
    layout: Layout,
    form: Form,
    generated: Mapping[str, File],
) -> Unit:
    unit, parts = form.component(component, generated)
    values = bind.component_values(component, bindings)
    unit = replace(
        unit,
        needs=tuple(target.name for target in _targets(platform, component.uses)),
        ports=bind.unit_ports(component, bindings),
        probe=None if component.once else _component_probe(component.health, values),
        files_folder=layout.files(component.name),
        stop_seconds=component.stop_grace,
        start_seconds=component.health.start if component.health else 60.0,
        url=bind.unit_url(component, bindings),
        upstreams=_upstreams(platform, component, bindings),
        profiles=component.profiles,
    )
    return _with_fingerprint(unit, layout, parts)


def _upstreams(platform: Platform, component: Component, bindings: Bindings) -> tuple[str, ...]:
    """The replicas that a gateway sends requests to; those of a profile may not run."""
    if component.config is None:
        return ()
    routed = (s for s in platform.services.values() if s.routes and not s.profiles)
    return tuple(replica for service in routed for replica in bind.replicas(service, bindings))


def _component_probe(health: ComponentHealth | None, values: Mapping[str, str]) -> Probe | None:
    if health is None:
        return None
    if health.tcp:
        return Probe("tcp", port=int(values[f"ports.{health.tcp}"]))
    if health.http:
        name = health.port or next(key.removeprefix("ports.") for key in values if key.startswith("ports."))
        return Probe("http", port=int(values[f"ports.{name}"]), target=health.http)
    if health.log:
        return Probe("log", target=health.log)
    command = tuple(resolve(word, values) for word in health.exec)
    return Probe("exec", command=command, interval=_EXEC_INTERVAL)


def _consumer_jobs(
    platform: Platform, component: Component, bindings: Bindings, layout: Layout, form: Form
) -> Iterator[Unit]:
    if component.per_consumer is None:
        return
    address = bind.seen_by_units(component, bindings)
    for service in bind.consumers(platform, component):
        if not bind.replicas(service, bindings):
            continue
        values = bind.component_values(component, bindings, address, consumer=service.name)
        yield _job(
            name=f"{component.name}.{service.name}",
            task=_resolved(component.per_consumer, values),
            needs=(component.name,),
            layout=layout,
            runtime=form.runtime(component),
            profiles=service.profiles,
            store=form.store(component),
        )


def _resolved(task: Task, values: Mapping[str, str]) -> Task:
    """The task with its references resolved."""
    return Task(
        exec=tuple(resolve(word, values) for word in task.exec),
        input=resolve(task.input, values) if task.input else None,
        env={name: resolve(text, values) for name, text in task.env.items()},
    )


def _job(
    *,
    name: str,
    task: Task,
    needs: tuple[str, ...],
    layout: Layout,
    runtime: Runtime,
    cwd: Path | None = None,
    code: str = "",
    profiles: tuple[str, ...] = (),
    store: Path | None = None,
) -> Unit:
    command = task.exec
    if isinstance(runtime, Container):  # the task is the whole command, whatever the image begins with
        runtime, command = replace(runtime, entrypoint=command[:1]), command[1:]
    unit = Unit(
        name=name,
        kind="job",
        fingerprint="",
        command=command,
        env=task.env,
        input=task.input,
        needs=needs,
        cwd=cwd,
        runtime=runtime,
        profiles=profiles,
        store=store,
    )
    return _with_fingerprint(unit, layout, {"code": code} if code else {})


def service_units(
    platform: Platform,
    service: Service,
    bindings: Bindings,
    layout: Layout,
    code: Code,
    environment: Mapping[str, str],
    store: Callable[[Component], Path | None] = lambda _: None,
) -> Iterator[Unit]:
    """A service's replicas, and before them the job that migrates its database if it has one.

    `store` says where such a job leaves word that it is done.
    """
    targets = _targets(platform, service.uses)
    needs = [target.name for target in targets]
    needs += [
        f"{target.name}.{service.name}"
        for target in targets
        if isinstance(target, Component) and target.per_consumer
    ]
    if code.migrate:
        databases = _databases(targets)
        yield _job(
            name=f"{service.name}.migrate",
            task=Task(exec=code.migrate, env=dict(environment)),
            needs=(*(d.name for d in databases), *_places(databases, service.name)),
            layout=layout,
            runtime=code.runtime,
            cwd=code.cwd,
            code=code.schema,
            profiles=service.profiles,
            store=store(databases[0]) if len(databases) == 1 else None,
        )
        needs.append(f"{service.name}.migrate")
    for replica in bind.replicas(service, bindings):
        unit = replace(_replica(service, replica, bindings, code, environment), needs=tuple(needs))
        aliases = unit.runtime.aliases if isinstance(unit.runtime, Container) else ()
        known_as = {"aliases": repr(aliases)} if aliases else {}
        yield _with_fingerprint(unit, layout, {"code": code.digest, **known_as})


def _replica(
    service: Service, replica: str, bindings: Bindings, code: Code, environment: Mapping[str, str]
) -> Unit:
    """One of the units that a service runs as; they differ by name, port and address only."""
    runtime, port = code.runtime, bind.replica_port(service, replica, bindings)
    listens = port
    if isinstance(runtime, Container):
        shared = () if bindings.through else (service.name,)
        runtime = replace(runtime, aliases=(*shared, bind.replica_alias(service, replica)))
        listens = service.port
    return Unit(
        name=replica,
        kind="service",
        fingerprint="",
        command=code.serve,
        env={**environment, "PORT": str(listens)},
        cwd=code.cwd,
        ports={"http": port},
        probe=Probe("http", port=listens, target=service.health.ready),
        runtime=runtime,
        stop_seconds=service.deploy.drain,
        start_seconds=service.health.start,
        url=f"http://{bindings.host}:{port}",
        profiles=service.profiles,
    )


def _targets(platform: Platform, uses: Iterable[Use]) -> list[Service | Component]:
    """What has to be ready before a unit with these uses starts."""
    found = (platform.resolve(use.service) for use in uses if not use.optional)
    return [target for target in found if target is not None]


def _databases(targets: Iterable[Service | Component]) -> list[Component]:
    """The databases that a migration works on."""
    return [t for t in targets if isinstance(t, Component) and "DATABASE_URL" in t.provides]


def _places(databases: Iterable[Component], consumer: str) -> list[str]:
    """The jobs that make a consumer's own place in databases."""
    return [f"{database.name}.{consumer}" for database in databases if database.per_consumer]


def _with_fingerprint(unit: Unit, layout: Layout, parts: Mapping[str, str]) -> Unit:
    """The unit with a fingerprint of everything that a running process was given at its start."""
    fixed = {name: file.content for name, file in unit.files.items() if not file.live}
    digests = {
        "command": repr((unit.command, unit.cwd, unit.input)),
        "env": repr(sorted(unit.env.items())),
        "files": repr(sorted(fixed.items())),
        "ports": repr(sorted(unit.ports.items())),
        **parts,
    }
    return replace(
        unit, fingerprint=fingerprint({name: _digest(text, layout.key) for name, text in digests.items()})
    )


def _digest(text: str, key: bytes) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8, key=key).hexdigest()
