"""A unit is one thing that runs: what the stack wants and what an engine sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

HOST = "127.0.0.1"
Kind = Literal["component", "service", "job"]


@dataclass(frozen=True, slots=True)
class Probe:
    """How readiness is asked from the host: one of HTTP, TCP, exec or a line in the log.

    `port` is the one that the unit itself listens on; `target` a path (http), nothing (tcp), a pattern (log).
    `timeout` is for one try in seconds, `interval` lies between two.
    """

    kind: Literal["http", "tcp", "exec", "log"]
    port: int | None = None
    target: str = ""
    command: tuple[str, ...] = ()
    interval: float = 0.03
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class File:
    """A file (mode 0600) that a unit reads; a live one may change without a restart of the unit."""

    content: str
    live: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """A command that runs before a unit's first start, unless the path already exists."""

    command: tuple[str, ...]
    unless: Path | None = None


@dataclass(frozen=True, slots=True)
class Wheel:
    """A program that comes as a wheel: `requirement` is `name==version`, `path` its folder of programs.

    `links` are programs that are links, by name and target: a wheel cannot hold any. `lock` is the file of
    the catalogue that pins all that the wheel itself needs, where it is a Python program and needs something.
    """

    requirement: str
    path: str = "."
    links: tuple[tuple[str, str], ...] = ()
    lock: str = ""


@dataclass(frozen=True, slots=True)
class PythonProject:
    """A service with its own virtual environment, made from `lock` inside `folder`.

    `packages` are the folders of the libraries that it uses as they lie there, each with a lock of its own.
    `place` is where the environment lies; `.venv` inside `folder` if nowhere else.
    """

    folder: Path
    lock: str = "requirements.lock"
    packages: tuple[Path, ...] = ()
    place: Path | None = None


@dataclass(frozen=True, slots=True)
class NodeProject:
    """A service with its own `node_modules`, made from `lock` inside `folder`.

    `packages` are the folders of the libraries that it uses as they lie there, each with a lock of its own.
    `makes` is the folder that its script `build` makes of `sources`, and of what is `shared` of the packages,
    where there is one. `tested`: with what its tests need, too.
    """

    folder: Path
    lock: str = "package-lock.json"
    packages: tuple[Path, ...] = ()
    makes: str = ""
    sources: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    tested: bool = False


@dataclass(frozen=True, slots=True)
class GoProject:
    """A service that is built into programs of its own, from the modules that `lock` inside `folder` pins.

    `packages` are the folders of the modules that its go.mod replaces by what lies there.
    """

    folder: Path
    lock: str = "go.sum"
    packages: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """An image made from a folder: its Dockerfile, the stage that is wanted and its build arguments.

    `packages` are folders elsewhere whose files are found in the context below `packages/NAME`.
    """

    context: Path
    dockerfile: str = "Dockerfile"
    target: str | None = None
    args: tuple[tuple[str, str], ...] = ()
    packages: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of this machine inside a container; `create`: a folder, made when it is missing."""

    source: Path
    write: bool = False
    create: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A volume inside a container: the unit's own by its name, or one that units of a platform share.

    One with a `size` in bytes is a disk of its own, which lies in memory and is gone when nobody uses it.
    """

    name: str
    shared: bool = False
    read_only: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Another engine that has images: its address, and each image's identity with its name there."""

    where: str
    images: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Container:
    """A container of an image, pulled or built; what it leaves out is the image's own.

    `listens` are its ports by name, `volumes` and `binds` are by path inside, `files` is the folder inside
    for the unit's files. `public` are the addresses of its machine at which those ports (by name) are
    published that others may reach. `cpu` is in cores, `memory` and `shm_size` in bytes. `closed`: without
    any capability but `capabilities`, and no way to more of them. `ulimits` are soft and hard. `origin` is
    where the image is brought from, if it is neither built nor pulled.
    """

    image: str
    build: ImageBuild | None = None
    entrypoint: tuple[str, ...] = ()
    listens: Mapping[str, int] = field(default_factory=dict)
    volumes: Mapping[str, Stored] = field(default_factory=dict)
    binds: Mapping[str, Bind] = field(default_factory=dict)
    tmpfs: tuple[str, ...] = ()
    files: str = ""
    public: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = ""
    aliases: tuple[str, ...] = ()
    read_only: bool = False
    init: bool = False
    closed: bool = False
    capabilities: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shm_size: int | None = None
    hostname: str = ""
    extra_hosts: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    stdin_open: bool = False
    restart: Literal["always", "on-failure", "no"] = "always"
    cpu: float | None = None
    memory: int | None = None
    origin: Origin | None = None


Project = PythonProject | NodeProject | GoProject
PROJECTS: Mapping[str, type[Project]] = {"python": PythonProject, "node": NodeProject, "go": GoProject}
"""What a service's folder is on this machine, by the toolchain of its type."""

Runtime = Wheel | Project | Container


@dataclass(frozen=True, slots=True)
class Unit:
    """What should run. `fingerprint` changes when, and only when, the unit has to be started anew.

    `command[0]` is looked up on the runtime's program folder first, then taken as it is.
    `start_seconds` bounds the time to readiness, `stop_seconds` the grace after `stop_signal`.
    A job is ready once it exited 0; `input` is what a job reads on its standard input.
    `unprivileged`: must not run as root (PostgreSQL refuses to). `ports` are this machine's.
    `files_folder` holds the unit's files on this machine; `upstreams` are units that it sends requests to.
    A unit with `profiles` runs only where one of them is chosen, or where something needs it.
    `store` is the folder of stored data that a job works on: done there once, it is not run again.
    """

    name: str
    kind: Kind
    command: tuple[str, ...]
    fingerprint: str
    needs: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    data: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    probe: Probe | None = None
    files: Mapping[str, File] = field(default_factory=dict)
    files_folder: Path | None = None
    setup: tuple[Setup, ...] = ()
    runtime: Runtime | None = None
    input: str | None = None
    stop_signal: str = "SIGTERM"
    stop_seconds: float = 10.0
    start_seconds: float = 60.0
    unprivileged: bool = False
    url: str = ""
    upstreams: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    store: Path | None = None

    @property
    def described(self) -> str:
        """The name in the blueprints: a service's replicas `order.2`, `order.3` are all of `order`."""
        return owner(self.name) if self.kind == "service" else self.name

    @property
    def may_end(self) -> bool:
        """Whether the unit is done, and not broken, once it exited 0."""
        return self.kind == "job" or (
            isinstance(self.runtime, Container) and self.runtime.restart != "always"
        )

    @property
    def listens(self) -> Mapping[str, int]:
        """The ports that the unit itself listens on."""
        return self.runtime.listens if isinstance(self.runtime, Container) else self.ports

    def written(self, name: str) -> str | None:
        """What one of the unit's files holds on this machine now."""
        try:
            return (self.files_folder / name).read_text(encoding="utf-8") if self.files_folder else None
        except OSError:
            return None


def owner(unit: str) -> str:
    """The service or component that a replica or a job of that name belongs to."""
    return unit.partition(".")[0]


def side(unit: str) -> str:
    """The replicas that a service's unit is one of: `order` of `order.2`, `order.r7` of `order.r7.2`."""
    first, _, last = unit.rpartition(".")
    return first if first and last.isdigit() else unit


class State(StrEnum):
    """Where a unit is in its life, as an engine sees it."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    BACKOFF = "backoff"
    CRASHED = "crashed"
    STOPPING = "stopping"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Observed:
    """What an engine sees of a unit. `since` is seconds since the epoch, `ready` the last known answer.

    CRASHED is a crash loop that was given up; EXITED a job or unit that ended by itself with `exit_code`.
    `address` is the unit's own, where it has one that is reached from here; `published` says where else a
    port that it listens on is reached, and `far` that this is on another machine. `reason` is what the engine
    knows of why it ended; `container` its ID.
    """

    name: str
    kind: Kind
    fingerprint: str
    state: State
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    exit_code: int | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    ready: bool = False
    url: str = ""
    needs: tuple[str, ...] = ()
    address: str = ""
    published: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    reason: str = ""
    container: str = ""
    far: bool = False

    def reach(self, port: int) -> tuple[str, int]:
        """The host and port at which a port that the unit listens on is reached from here."""
        return (self.address, port) if self.address else self.published.get(port, (HOST, port))


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a unit printed: `time` is its arrival in seconds since the epoch, `stream` out or err."""

    time: float
    unit: str
    stream: str
    text: str
