"""What a unit is made of in each world: a host process from a wheel or an environment, or a container."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from nexus_cli.blueprint import bind, graph
from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.images import base_images, component_image
from nexus_cli.blueprint.model import Component, Embedded, Platform, Service
from nexus_cli.blueprint.references import resolve
from nexus_cli.blueprint.types import SERVICE_TYPES, ServiceType, package_name
from nexus_cli.errors import UsageError
from nexus_cli.unit import (
    PROJECTS,
    Bind,
    Container,
    File,
    ImageBuild,
    NodeProject,
    Project,
    Runtime,
    Setup,
    Stored,
    Unit,
    Wheel,
)

FILES = "/etc/nexus"
"""Where a container finds its unit's files."""

_IGNORED = {"__pycache__", ".venv", "node_modules", "tests", ".git"} | {
    f".{tool}_cache" for tool in ("mypy", "ruff", "pytest")
}
_UNKNOWN = ServiceType("python", (), (), "requirements.lock")  # one whose blueprint says how it is run
ImageName = Callable[[str, ImageBuild], str]
"""From a unit's name and its build to the image's name, which follows from the content of the build."""


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


@dataclass(frozen=True, slots=True)
class Code:
    """How a service's code runs: `digest` is of all that it is made of, `schema` of its migrations."""

    runtime: Runtime
    serve: tuple[str, ...]
    migrate: tuple[str, ...]
    digest: str
    schema: str
    cwd: Path | None = None


Described = tuple[Unit, Mapping[str, str]]
"""A unit without what all forms share, and the parts of its fingerprint."""


class Form(Protocol):
    """One world in which units run."""

    def component(self, component: Component, generated: Mapping[str, File]) -> Described:
        """A component's unit."""

    def runtime(self, component: Component) -> Runtime:
        """On what a component's tasks are run."""

    def code(self, service: Service) -> Code:
        """How a service's code runs."""

    def store(self, component: Component) -> Path | None:
        """The folder of a component's data, where jobs that work on it can leave word that they are done."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Components from wheels, services from their own virtual environments."""

    platform: Platform
    bindings: Bindings
    layout: Layout

    def component(self, component: Component, generated: Mapping[str, File]) -> Described:
        """A component's embedded form."""
        embedded = _embedded(component)
        values = self._paths(component, embedded)
        unit = Unit(
            name=component.name,
            kind="component",
            fingerprint="",
            command=tuple(resolve(word, values) for word in embedded.command),
            env={name: resolve(text, values) for name, text in embedded.env.items()},
            data=self.layout.data(component.name),
            files={name: File(resolve(text, values)) for name, text in embedded.files.items()}
            | dict(generated),
            setup=tuple(_setup(step.exec, step.unless, values) for step in embedded.setup),
            runtime=wheel(embedded),
            stop_signal=embedded.stop,
            unprivileged=embedded.unprivileged,
        )
        return unit, {"program": embedded.wheel}

    def runtime(self, component: Component) -> Runtime:
        """The component's wheel."""
        return wheel(_embedded(component))

    def code(self, service: Service) -> Code:
        """The service's folder with its virtual environment."""
        kind, folder = SERVICE_TYPES.get(service.type), self.platform.root / service.source
        serve, migrate = commands(kind, service, folder)
        kind = kind or _UNKNOWN
        packages = _package_folders(self.platform, service)
        runtime = project(kind, folder)
        runtime = replace(runtime, packages=tuple(packages.values()))
        shared = [tree_hash(place, kind.shares) for place in packages.values()]
        return Code(
            runtime,
            serve,
            migrate,
            digest="".join([tree_hash(folder, (*kind.code, "migrations", runtime.lock)), *shared]),
            schema=tree_hash(folder, ("migrations", runtime.lock)),
            cwd=folder,
        )

    def store(self, component: Component) -> Path | None:
        """The component's data."""
        return self.layout.data(component.name)

    def _paths(self, component: Component, embedded: Embedded) -> dict[str, str]:
        folder = self.layout.files(component.name)
        paths = {"data": str(self.layout.data(component.name)), "files": str(folder)}
        paths |= {f"files.{name}": str(folder / name) for name in embedded.files}
        return bind.component_values(component, self.bindings, None, **paths)


@dataclass(frozen=True, slots=True)
class Containers:
    """Components from images, services from images that are built from their folders."""

    platform: Platform
    bindings: Bindings
    layout: Layout
    image_name: ImageName

    def component(self, component: Component, generated: Mapping[str, File]) -> Described:
        """A component's image, with its command, variables, volumes and mounts."""
        used = bind.used_values(self.platform, component, self.bindings)
        values = used | bind.component_values(component, self.bindings, files=FILES)
        container = self._component(component, values, files=FILES if generated else "")
        unit = Unit(
            name=component.name,
            kind="job" if component.once else "component",
            fingerprint="",
            command=tuple(resolve(word, values) for word in component.command),
            env={name: resolve(text, values) for name, text in component.env.items()},
            files=dict(generated),
            runtime=container,
            stop_signal=component.stop_signal or "",
        )
        return unit, {
            "image": container.image,
            "container": repr((replace(container, build=None), unit.stop_signal)),
        }

    def runtime(self, component: Component) -> Runtime:
        """A container of the component's image."""
        return Container(self._image(component), closed=True)

    def code(self, service: Service) -> Code:
        """The image of the service's folder."""
        kind, folder = SERVICE_TYPES.get(service.type), self.platform.root / service.source
        build = ImageBuild(
            folder,
            args=tuple(self._build_arguments().items()),
            packages=tuple(_package_folders(self.platform, service).items()),
        )
        container = Container(
            self.image_name(service.name, build),
            build,
            listens=bind.listens(service, self.bindings),
            tmpfs=("/tmp",),  # noqa: S108 - the container's own
            read_only=True,
            init=True,
            closed=True,
            cpu=service.limits.cpu,
            memory=service.limits.memory,
        )
        _, migrate = commands(kind, service, folder)
        lock = kind.lock if kind else ""
        return Code(
            container,
            service.run.serve,  # else the image's own
            migrate,
            digest=repr(replace(container, build=None)),  # the image's name says what it is made of
            schema=tree_hash(folder, ("migrations", lock)),
        )

    def store(self, component: Component) -> Path | None:
        """Nowhere: the data lies in a volume of the engine's."""
        del component
        return None

    def _component(self, component: Component, values: Mapping[str, str], *, files: str) -> Container:
        described, root = component.build, self.platform.root
        build = None
        if described is not None:
            args = self._build_arguments() | {k: resolve(v, values) for k, v in described.args.items()}
            context = root / described.context
            build = ImageBuild(context, described.dockerfile, described.target, tuple(args.items()))
        return Container(
            self.image_name(component.name, build) if build else self._image(component),
            build,
            entrypoint=tuple(resolve(word, values) for word in component.entrypoint),
            listens=bind.listens(component, self.bindings),
            volumes={
                volume.path: Stored(volume.shared or name, volume.shared is not None, volume.read_only)
                for name, volume in component.volumes.items()
            },
            binds={
                path: Bind(root / mount.source, mount.write, mount.create)
                for path, mount in component.mounts.items()
            },
            tmpfs=component.tmpfs,
            files=files,
            public={"http": self.bindings.public}
            if bind.takes_requests_of_others(component, self.bindings)
            else {},
            user=component.user or "",
            workdir=component.workdir or "",
            aliases=component.aliases,
            read_only=component.read_only,
            init=component.init,
            capabilities=component.capabilities,
            cap_drop=component.cap_drop,
            privileged=component.privileged,
            security_opt=component.security_opt,
            group_add=component.group_add,
            devices=component.devices,
            sysctls=component.sysctls,
            ulimits={name: (limit.soft, limit.hard) for name, limit in component.ulimits.items()},
            shm_size=component.shm_size,
            hostname=component.hostname or "",
            extra_hosts=component.extra_hosts,
            labels=component.labels,
            tty=component.tty,
            stdin_open=component.stdin_open,
            restart=component.restart,
            cpu=component.limits.cpu,
            memory=component.limits.memory,
        )

    def _image(self, component: Component) -> str:
        image = component_image(self.platform, component)
        if image is None:
            raise UsageError(
                f'component "{component.name}" has no image', hint="give it an image, or use --engine process"
            )
        return image

    def _build_arguments(self) -> dict[str, str]:
        return {f"{name.upper()}_IMAGE": image for name, image in base_images(self.platform).items()}


def without_containers(platform: Platform, *, needed: bool = True) -> tuple[Platform, tuple[str, ...]]:
    """What of a platform runs without Docker, and the components that do not.

    A service that can do without such a component is given nothing of it; one that cannot is a fault,
    unless nothing that services use is `needed`.
    """
    left = {name for name, component in platform.components.items() if component.embedded is None}
    users = graph.dependencies(platform, optional=False)
    for name, used in users.items():
        lacking = sorted(left & set(used))
        if needed and lacking and name in platform.services:
            raise UsageError(
                f'component "{lacking[0]}" runs on Docker only, and {name} cannot do without it',
                hint=f"use --engine docker, or mark {lacking[0]} as optional in `uses` of {name}",
            )
    kept = {name: c for name, c in platform.components.items() if not graph.closure(users, [name]) & left}
    return replace(platform, components=kept), tuple(sorted(platform.components.keys() - kept.keys()))


def wheel(embedded: Embedded) -> Wheel:
    """The wheel that an embedded form runs from."""
    return Wheel(embedded.wheel, embedded.path, lock=embedded.lock)


def _embedded(component: Component) -> Embedded:
    assert component.embedded is not None, component.name  # noqa: S101 - see `without_containers`
    return component.embedded


def _setup(command: Sequence[str], unless: str | None, values: Mapping[str, str]) -> Setup:
    return Setup(
        tuple(resolve(word, values) for word in command), Path(resolve(unless, values)) if unless else None
    )


def project(kind: ServiceType, folder: Path) -> Project:
    """What the folder of a service of a type is on this machine."""
    found = PROJECTS[kind.toolchain](folder, kind.lock)
    if isinstance(found, NodeProject):
        return replace(found, makes=kind.makes, sources=kind.code, shared=kind.shares)
    return found


def commands(
    kind: ServiceType | None, service: Service, folder: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The commands that serve and migrate a service."""
    values = {"package": package_name(service.name), "name": service.name}
    migrations = kind.migrate if kind and (folder / "migrations").is_dir() else ()
    serve = service.run.serve or (kind.serve if kind else ())
    migrate = service.run.migrate or migrations
    return tuple(resolve(word, values) for word in serve), tuple(resolve(word, values) for word in migrate)


def _package_folders(platform: Platform, service: Service) -> dict[str, Path]:
    """Where the packages that a service depends on lie, by name."""
    return {package.name: platform.root / package.source for package in platform.packages_of(service)}


def tree_hash(folder: Path, parts: Iterable[str]) -> str:
    """A hash of the files below some parts of a folder, by name and content."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        for name in _files(str(folder), part):
            digest.update(name.encode() + b"\0")
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - as all here: a platform has thousands
                digest.update(file.read() + b"\0")
    return digest.hexdigest()


def _files(folder: str, part: str) -> Iterator[str]:
    """The files of one part, from the folder on."""
    top = f"{folder}/{part}"
    if os.path.isfile(top):  # noqa: PTH113
        yield part
    for parent, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _IGNORED)
        inside = parent[len(folder) + 1 :]
        yield from (f"{inside}/{name}" for name in sorted(names) if not name.endswith(".pyc"))
