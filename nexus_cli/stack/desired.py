"""From a platform and its bindings to the units that should run; pure but for hashing code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nexus_cli.blueprint import bind
from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.model import Component, ComponentHealth, Embedded, Platform, Service, Task
from nexus_cli.blueprint.references import resolve
from nexus_cli.blueprint.types import SERVICE_TYPES, ServiceType, package_name
from nexus_cli.errors import UsageError
from nexus_cli.stack.reconcile import fingerprint
from nexus_cli.unit import File, Probe, PythonProject, Setup, Unit, Wheel

_IGNORED = {"__pycache__", ".venv", "tests", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where units keep things below an environment's state folder; `key` salts fingerprints."""

    state: Path
    key: bytes

    def data(self, unit: str) -> Path:
        """A unit's stored data."""
        return self.state / "data" / unit

    def files(self, unit: str) -> Path:
        """A unit's written files."""
        return self.state / "run" / unit


def desired(
    platform: Platform,
    bindings: Bindings,
    layout: Layout,
    configuration: Mapping[str, Mapping[str, File]],
) -> list[Unit]:
    """Every unit of the platform; `configuration` is what generators wrote for components, by name."""
    known = bind.service_values(platform, bindings)
    units: list[Unit] = []
    for component in platform.components.values():
        unit = _component(component, bindings, layout, configuration.get(component.name, {}))
        units.append(replace(unit, upstreams=_upstreams(platform, component)))
        units.extend(_consumer_jobs(platform, component, bindings, layout))
    for service in platform.services.values():
        units.extend(_service(platform, service, bindings, layout, known))
    return units


def _component(
    component: Component, bindings: Bindings, layout: Layout, generated: Mapping[str, File]
) -> Unit:
    embedded = component.embedded
    if embedded is None:
        raise UsageError(
            f'component "{component.name}" runs on Docker only: it has no embedded form',
            hint="use --engine docker, or take it out of the platform",
        )
    values = _paths(component, embedded, bindings, layout)
    unit = Unit(
        name=component.name,
        kind="component",
        fingerprint="",
        command=tuple(resolve(word, values) for word in embedded.command),
        env={name: resolve(text, values) for name, text in embedded.env.items()},
        data=layout.data(component.name),
        ports=bind.unit_ports(component, bindings),
        probe=_component_probe(component.health, values),
        files={name: File(resolve(text, values)) for name, text in embedded.files.items()} | dict(generated),
        files_folder=layout.files(component.name),
        setup=tuple(_setup(step.exec, step.unless, values) for step in embedded.setup),
        runtime=Wheel(embedded.wheel, embedded.path),
        stop_signal=embedded.stop,
        stop_seconds=component.stop_grace,
        start_seconds=component.health.start if component.health else 60.0,
        unprivileged=embedded.unprivileged,
        url=bind.unit_url(component, bindings),
    )
    return _with_fingerprint(unit, layout, {"program": embedded.wheel})


def _upstreams(platform: Platform, component: Component) -> tuple[str, ...]:
    """The services that a gateway sends requests to."""
    if component.config is None:
        return ()
    return tuple(service.name for service in platform.services.values() if service.routes)


def _setup(command: Sequence[str], unless: str | None, values: Mapping[str, str]) -> Setup:
    return Setup(
        tuple(resolve(word, values) for word in command), Path(resolve(unless, values)) if unless else None
    )


def _paths(component: Component, embedded: Embedded, bindings: Bindings, layout: Layout) -> dict[str, str]:
    folder = layout.files(component.name)
    paths = {"data": str(layout.data(component.name)), "files": str(folder)}
    paths |= {f"files.{name}": str(folder / name) for name in embedded.files}
    return bind.component_values(component, bindings, **paths)


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
    return Probe("exec", command=tuple(resolve(word, values) for word in health.exec))


def _consumer_jobs(
    platform: Platform, component: Component, bindings: Bindings, layout: Layout
) -> Iterator[Unit]:
    embedded = component.embedded
    task: Task | None = (embedded.per_consumer if embedded else None) or component.per_consumer
    if task is None or embedded is None:
        return
    for service in bind.consumers(platform, component):
        values = bind.component_values(component, bindings, consumer=service.name)
        yield _job(
            name=f"{component.name}.{service.name}",
            task=_resolved(task, values),
            needs=(component.name,),
            layout=layout,
            runtime=Wheel(embedded.wheel, embedded.path),
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
    runtime: Wheel | PythonProject,
    cwd: Path | None = None,
    code: str = "",
) -> Unit:
    unit = Unit(
        name=name,
        kind="job",
        fingerprint="",
        command=task.exec,
        env=task.env,
        input=task.input,
        needs=needs,
        cwd=cwd,
        runtime=runtime,
    )
    return _with_fingerprint(unit, layout, {"code": code} if code else {})


def _service(
    platform: Platform, service: Service, bindings: Bindings, layout: Layout, known: Mapping[str, str]
) -> Iterator[Unit]:
    kind = SERVICE_TYPES.get(service.type)
    folder = platform.root / service.source
    values = {"package": package_name(service.name), "name": service.name}
    serve = tuple(resolve(word, values) for word in service.run.serve or (kind.serve if kind else ()))
    migrate = tuple(resolve(word, values) for word in service.run.migrate or _migrations(kind, folder))
    environment = bind.service_environment(platform, service, bindings, known)
    runtime = PythonProject(folder, kind.lock if kind else "requirements.lock")
    targets = [platform.resolve(use.service) for use in service.uses if not use.optional]
    needs = [target.name for target in targets if target is not None]
    needs += [
        f"{target.name}.{service.name}"
        for target in targets
        if isinstance(target, Component) and _has_job(target)
    ]
    if migrate:
        yield _job(
            name=f"{service.name}.migrate",
            task=Task(exec=migrate, env=environment),
            needs=_database(targets, service.name),
            layout=layout,
            runtime=runtime,
            cwd=folder,
            code=tree_hash(folder, ("migrations", runtime.lock)),
        )
        needs.append(f"{service.name}.migrate")
    unit = Unit(
        name=service.name,
        kind="service",
        fingerprint="",
        command=serve,
        env=environment,
        cwd=folder,
        needs=tuple(needs),
        ports=bind.unit_ports(service, bindings),
        probe=Probe("http", port=bind.unit_ports(service, bindings)["http"], target=service.health.ready),
        runtime=runtime,
        stop_seconds=service.deploy.drain,
        start_seconds=service.health.start,
        url=bind.unit_url(service, bindings),
    )
    yield _with_fingerprint(unit, layout, {"code": tree_hash(folder, ("src", "migrations", runtime.lock))})


def _migrations(kind: ServiceType | None, folder: Path) -> tuple[str, ...]:
    return kind.migrate if kind and (folder / "migrations").is_dir() else ()


def _database(targets: Iterable[Service | Component | None], consumer: str) -> tuple[str, ...]:
    """What a migration waits for: the databases, and the consumer's own place in them."""
    databases = [t for t in targets if isinstance(t, Component) and "DATABASE_URL" in t.provides]
    jobs = [f"{database.name}.{consumer}" for database in databases if _has_job(database)]
    return (*(database.name for database in databases), *jobs)


def _has_job(component: Component) -> bool:
    return component.per_consumer is not None or bool(component.embedded and component.embedded.per_consumer)


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


def tree_hash(folder: Path, parts: Iterable[str]) -> str:
    """A hash of the files below some parts of a folder, by name and content."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        top = folder / part
        for path in [top] if top.is_file() else _files(top):
            digest.update(str(path.relative_to(folder)).encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(top: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _IGNORED)
        yield from (Path(parent) / name for name in sorted(names) if not name.endswith(".pyc"))
