"""What a platform is made of: the blueprint language as frozen models.

Each model is one mapping of the YAML; its fields are the keys that a person may write. `Platform` is what
the loader makes of all files together. Defaults are made by `model_construct`, without validation, so that
a command pays only for the validators of the kinds that it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from nexus_cli.blueprint.fields import ResourceField
from nexus_cli.blueprint.scalars import (
    FREEZE_PATTERN,
    Duration,
    EnvName,
    EventName,
    HostName,
    ImageEnvName,
    Name,
    Path_,
    Port,
    Rate,
    RoleName,
    Size,
)
from nexus_cli.blueprint.types import PACKAGE_TYPES, SERVICE_TYPES

if TYPE_CHECKING:
    from nexus_cli.blueprint.source import Source

Strategy = Literal["rolling", "blue-green", "canary", "recreate"]


MOST_REPLICAS = 1000


class Model(BaseModel):
    """The base of every blueprint mapping: frozen, and unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Use(Model):
    """A dependency on a component or service; an optional one does not hold up the start."""

    service: Name
    optional: bool = False


def _spelled_out(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{"service": use} if isinstance(use, str) else use for use in value]


Uses = Annotated[tuple[Use, ...], BeforeValidator(_spelled_out)]
"""What something depends on; a bare name is short for a `Use` of it."""


class Route(Model):
    """A path prefix that the gateway sends to a service, and what it does on the way."""

    path: Path_
    version: str | None = Field(None, description="also match when the header x-api-version has this value")
    auth: Literal["none", "jwt"] = "jwt"
    roles: tuple[RoleName, ...] = Field(
        (), description="only tokens whose claim `roles` has one of these come in; any token if none"
    )
    methods: tuple[Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"], ...] = ()
    rewrite: Path_ | None = Field(None, description="replace the matched prefix by this one")
    limit: Rate | None = None
    timeout: Duration = 15.0
    retries: int = Field(0, ge=0, le=10)

    @model_validator(mode="after")
    def _roles_stand_in_tokens(self) -> Self:
        if self.roles and self.auth != "jwt":
            raise ValueError("`roles` are read from a token: with them, `auth` is jwt")
        return self


class Events(Model):
    """The domain events that a service publishes and consumes."""

    publishes: tuple[EventName, ...] = ()
    consumes: tuple[EventName, ...] = ()


class Health(Model):
    """A service's two health endpoints and how long it may take to get ready."""

    live: Path_ = "/health"
    ready: Path_ = "/health/ready"
    start: Duration = 60.0


class ResourceEvents(Model):
    """The domain events that a change of a resource publishes."""

    created: EventName | None = None
    updated: EventName | None = None
    deleted: EventName | None = None


Operation = Literal["list", "get", "create", "update", "delete"]
OPERATIONS: tuple[Operation, ...] = ("list", "get", "create", "update", "delete")


class Resource(Model):
    """A thing of the service's domain: a table with endpoints, events and tests."""

    plural: Name | None = None
    fields: dict[str, ResourceField] = Field(min_length=1)
    operations: tuple[Operation, ...] = OPERATIONS
    states: dict[str, tuple[str, ...]] = {}
    events: ResourceEvents = ResourceEvents.model_construct()
    tenant: bool | None = Field(
        None, description="each row belongs to a tenant; as the service says, if absent"
    )


class Scale(Model):
    """How many replicas run, and the bounds within which an autoscaler may move."""

    replicas: int = Field(1, ge=0, le=MOST_REPLICAS)
    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=1)
    cpu: int | None = Field(None, ge=1, le=100, description="target utilisation in percent")


class Limits(Model):
    """The most a unit may take: `cpu` in cores, `memory` as 256Mi."""

    cpu: float | None = Field(None, gt=0)
    memory: Size | None = None

    @field_validator("cpu", mode="before")
    @classmethod
    def _whole_cores(cls, value: Any) -> Any:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Smoke(Model):
    """A request that a new release has to answer before it gets any other."""

    path: Path_
    status: int = Field(200, ge=100, le=599)
    contains: str = ""


class Hooks(Model):
    """Commands that are run once in the release's own environment, beside its replicas."""

    pre_deploy: tuple[str, ...] = Field((), alias="pre-deploy")
    post_deploy: tuple[str, ...] = Field((), alias="post-deploy")
    on_failure: tuple[str, ...] = Field((), alias="on-failure")


class Verdict(Model):
    """When a new release is worse than the one beside it; with fewer `requests` than that nothing is said.

    `errors` is by how many percentage points it may fail more often, `latency` by how many times its 95th
    percentile may be longer.
    """

    requests: int = Field(20, ge=0)
    errors: float = Field(1.0, ge=0, le=100)
    latency: float = Field(2.0, ge=1)

    @field_validator("errors", "latency", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Deploy(Model):
    """How a new release replaces the old one.

    `steps` are the percentages of a canary; `hold` is how long each step, or the new release after the
    change-over, is watched. `drain` bounds the wait for requests in flight. With `retain` the old release
    goes on running beside the new one, to be switched back to at once.
    """

    strategy: Strategy = "rolling"
    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = ()
    hold: Duration | None = None
    drain: Duration = 10.0
    retain: bool | None = Field(None, description="by default only with blue-green")
    smoke: tuple[Smoke, ...] = ()
    hooks: Hooks = Hooks.model_construct()
    verdict: Verdict = Verdict.model_construct()


class Slo(Model):
    """What the service promises: availability in percent, latency at the 95th percentile."""

    availability: float | None = Field(None, gt=0, lt=100)
    p95: Duration | None = None


class Run(Model):
    """The commands of a service where they differ from its type's own."""

    serve: tuple[str, ...] = ()
    migrate: tuple[str, ...] = ()


class Blueprint(Model):
    """The keys that every blueprint has."""

    nexus: Literal["v1"]
    name: Name


class Runnable(Blueprint):
    """What services and components share; one with `profiles` runs only where one of them is chosen."""

    profiles: tuple[Name, ...] = ()


class Service(Runnable):
    """A service of the platform: what it is, needs, offers and promises."""

    kind: Literal["service"] = "service"
    title: str = ""
    description: str = ""
    owner: str = ""
    type: Name = "fastapi"
    with_: tuple[Name, ...] = Field((), alias="with")
    source: str = ""
    port: Port
    uses: Uses = ()
    routes: tuple[Route, ...] = ()
    events: Events = Events.model_construct()
    env: dict[EnvName, str] = {}
    secrets: tuple[EnvName, ...] = ()
    health: Health = Health.model_construct()
    resources: dict[Name, Resource] = {}
    tenant: bool = Field(False, description="the rows of its resources belong to tenants")
    run: Run = Run.model_construct()
    scale: Scale = Scale.model_construct()
    limits: Limits = Limits.model_construct()
    deploy: Deploy = Deploy.model_construct()
    slo: Slo = Slo.model_construct()

    @model_validator(mode="after")
    def _fill(self) -> Self:
        if not self.source:
            object.__setattr__(self, "source", f"services/{self.name}")
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("-", " ").capitalize())
        return self

    def of_tenants(self, resource: str) -> bool:
        """Whether each row of one of its resources belongs to a tenant."""
        own = self.resources[resource].tenant
        return self.tenant if own is None else own


class ComponentHealth(Model):
    """How a component's readiness is asked: exactly one of TCP port, HTTP path, command or log pattern."""

    tcp: str | None = Field(None, description="name of the port that must accept connections")
    http: Path_ | None = None
    port: str | None = Field(None, description="name of the port that `http` is asked on")
    exec: tuple[str, ...] = ()
    log: str | None = None
    start: Duration = 60.0

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(map(bool, (self.tcp, self.http, self.exec, self.log))) != 1:
            raise ValueError("give exactly one of tcp, http, exec, log")
        return self


class Task(Model):
    """A command that is run once, with `input` on its standard input."""

    exec: tuple[str, ...] = Field(min_length=1)
    input: str | None = None
    env: dict[EnvName, str] = {}


class SetupStep(Model):
    """A command that prepares a component's data, unless the path is there already."""

    exec: tuple[str, ...] = Field(min_length=1)
    unless: str | None = None


GENERATED = frozenset({"generated", "generated-hex"})
"""What stands in place of a credential that is made for each environment."""


class Embedded(Model):
    """The same real server as a host process, from a wheel, without Docker.

    `path` is the folder of its programs inside the wheel; `files` are written with mode 0600 and are named
    by `${files.NAME}`; `${data}` is its data folder. `lock` is the file of the catalogue that pins what the
    wheel needs besides itself: all of it is installed into an environment of its own.
    """

    wheel: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")
    lock: str = Field("", pattern=r"^([a-z0-9-]+\.lock)?$")
    path: str = "."
    command: tuple[str, ...] = Field(min_length=1)
    setup: tuple[SetupStep, ...] = ()
    files: dict[str, str] = {}
    env: dict[EnvName, str] = {}
    stop: Literal["SIGTERM", "SIGINT", "SIGQUIT"] = "SIGTERM"
    unprivileged: bool = False


class Build(Model):
    """An image that is built from a folder of the workspace instead of pulled."""

    context: str = "."
    dockerfile: str = "Dockerfile"
    target: str | None = None
    args: dict[str, str] = {}


class Mount(Model):
    """A file or folder of the workspace inside a container; read-only unless `write` says otherwise."""

    source: str = Field(min_length=1)
    write: bool = False
    create: bool = Field(False, description="make the folder when it is missing")


def _read_only(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


class Volume(Model):
    """Stored data at a path in a container: the component's own, or `shared` under a name of the platform."""

    path: str = Field(pattern=r"^/")
    shared: Name | None = None
    read_only: bool = False


def _own(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Ulimit(Model):
    """A limit of the kernel for each process: what counts, and how far a process may raise it."""

    soft: int = Field(ge=-1)
    hard: int = Field(ge=-1)


def _both(value: Any) -> Any:
    return value if isinstance(value, dict) else {"soft": value, "hard": value}


Restart = Literal["always", "on-failure", "no"]


class Component(Runnable):
    """Infrastructure that services use: a server with ports, credentials, health and connections.

    `ports` are those that it listens on, `publish` the host's ports where they differ. `once`: it does its
    work and exits with 0, and what uses it waits for that. `mounts` is path in the container -> its source.
    `secrets` have their values outside the blueprint; `${secrets.NAME}` stands for one.
    """

    kind: Literal["component"] = "component"
    title: str = ""
    description: str = ""
    aliases: tuple[HostName, ...] = ()
    image: str | None = None
    build: Build | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    uses: Uses = ()
    once: bool = False
    user: str | None = None
    workdir: str | None = None
    ports: dict[Name, Port] = {}
    publish: dict[Name, Port] = {}
    volumes: dict[Name, Annotated[Volume, BeforeValidator(_own, json_schema_input_type=str | Volume)]] = {}
    mounts: dict[str, Annotated[Mount, BeforeValidator(_read_only, json_schema_input_type=str | Mount)]] = {}
    tmpfs: tuple[str, ...] = ()
    read_only: bool = False
    init: bool = Field(False, description="run it under a small init that forwards signals and reaps")
    capabilities: tuple[str, ...] = Field((), description="Linux capabilities added to the engine's own")
    cap_drop: tuple[str, ...] = Field((), description="Linux capabilities taken away; ALL for all")
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    devices: tuple[str, ...] = Field((), description="devices of the host, as /dev/ttyUSB0:/dev/ttyUSB0:rwm")
    sysctls: dict[str, str] = {}
    ulimits: dict[str, Annotated[Ulimit, BeforeValidator(_both, json_schema_input_type=int | Ulimit)]] = {}
    shm_size: Size | None = Field(None, description="how large /dev/shm is")
    hostname: HostName | None = Field(None, description="what the container calls itself")
    extra_hosts: tuple[str, ...] = Field((), description="more names of hosts, as name:address")
    labels: dict[str, str] = {}
    tty: bool = False
    stdin_open: bool = False
    restart: Restart = Field("always", description="what happens after it ended by itself")
    stop_signal: str | None = Field(None, pattern=r"^(SIG)?[A-Z0-9+]+$")
    credentials: dict[str, str] = Field(
        {}, description="by name; `generated` is made and kept, `generated-hex` as 32 hexadecimal digits"
    )
    secrets: tuple[EnvName, ...] = ()
    env: dict[ImageEnvName, str] = {}
    config: Literal["envoy"] | None = Field(
        None, description="the generator that writes its configuration files"
    )
    health: ComponentHealth | None = None
    provides: dict[EnvName, str] = {}
    url: str = Field("", description="what a person opens or connects to, shown by status")
    per_consumer: Task | None = None
    stop_grace: Duration = 10.0
    limits: Limits = Limits.model_construct()
    embedded: Embedded | None = None


class Package(Blueprint):
    """A shared library: what it is, where it lives and who may use it."""

    kind: Literal["package"] = "package"
    title: str = ""
    description: str = ""
    type: Name = "library"
    language: Literal["python", "typescript", "go"] = Field("python", description="typescript for react")
    scope: str | None = Field(None, description="the npm-style scope, without the @")
    source: str = ""
    users: tuple[Name, ...] = Field((), description="the services that depend on it")
    client_of: Name | None = Field(None, description="the service that it is the generated client of")

    @model_validator(mode="before")
    @classmethod
    def _speak(cls, data: Any) -> Any:
        """The language that its type is written in, where the blueprint says none."""
        kind = data.get("type") if isinstance(data, dict) else None
        languages = PACKAGE_TYPES.get(kind) if isinstance(kind, str) else None
        return {"language": languages[0], **data} if languages else data

    @model_validator(mode="after")
    def _fill(self) -> Self:
        if not self.source:
            object.__setattr__(self, "source", f"packages/{self.name}")
        return self


class Target(Model):
    """Where an environment runs: a Docker engine by address, or host processes.

    `certificates` is a folder of this machine, outside of git, with the `ca.pem`, `cert.pem` and `key.pem` by
    which a `tcp://` engine and we know each other. `public` is the engine's machine's address at which the
    gateway takes requests from elsewhere; without it, only that machine itself can send any.
    """

    docker: str | None = None
    process: bool = False
    certificates: str | None = Field(default=None, pattern=r"^[~/]")
    public: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f.:]+$")

    @model_validator(mode="after")
    def _of_that_engine(self) -> Self:
        if self.certificates and not (self.docker or "").startswith("tcp://"):
            raise ValueError("only a tcp:// engine (`docker`) is known by `certificates`")
        if self.public and not self.docker:
            raise ValueError("`public` is an address of the machine of the engine that `docker` names")
        return self

    @property
    def engine(self) -> str:
        """The Docker engine's address, with the certificates for it."""
        address = self.docker or ""
        return f"{address}?certificates={quote(self.certificates)}" if self.certificates else address


class SecretSource(Model):
    """Where an environment's secrets come from.

    `generated`: made once and kept; `env`: nexus's own environment, else what `nexus secret set` kept;
    `file`: a file of `NAME=value` lines; `vault`: a secret of a key-value engine at VAULT_ADDR.
    """

    provider: Literal["generated", "env", "file", "vault"] = "env"
    path: str | None = None


class Environment(Blueprint):
    """A place that the platform is deployed to, and its rules.

    `approve` are those of whom one has to agree to a release, `freeze` the times at which nothing is
    deployed, `retention` how many releases are kept, `notify` the secret that holds a web hook's address.
    """

    kind: Literal["environment"] = "environment"
    target: Target = Target.model_construct()
    replicas: dict[Name, Annotated[int, Field(ge=0, le=MOST_REPLICAS)]] = {}
    limits: dict[Name, Limits] = {}
    ports: dict[Name, dict[Name, Port]] = Field({}, description="this machine's ports, by unit and name")
    variables: dict[EnvName, str] = {}
    secrets: SecretSource = SecretSource.model_construct()
    strategy: Strategy | None = Field(None, description="in place of every service's own")
    confirm: bool = Field(False, description="ask before anything is done; --yes answers")
    approve: tuple[str, ...] = ()
    freeze: tuple[Annotated[str, Field(pattern=FREEZE_PATTERN)], ...] = ()
    retention: int = Field(10, ge=1)
    notify: EnvName | None = None


class Jwt(Model):
    """Whose tokens the gateway accepts. Without `jwks`, a development key of this workspace is used."""

    issuer: str = "nexus-development"
    audience: str | None = None
    jwks: str | None = Field(None, description="path of a JSON Web Key Set inside the workspace")


class Gateway(Model):
    """What the gateway does for every route."""

    jwt: Jwt = Jwt.model_construct()
    cors: tuple[str, ...] = Field((), description="origins that browsers may call from")
    max_body: Size = 1 << 20
    balance: Literal["round-robin", "least-request", "random"] = "least-request"


class Defaults(Model):
    """Values laid under every blueprint of a kind."""

    service: dict[str, Any] = {}


class PlatformSpec(Blueprint):
    """nexus.yaml: the platform's name, images, defaults and the blueprints that belong to it."""

    kind: Literal["platform"] = "platform"
    title: str = ""
    description: str = ""
    registry: str | None = None
    images: dict[str, str] = {}
    defaults: Defaults = Defaults.model_construct()
    gateway: Gateway = Gateway.model_construct()
    include: tuple[str, ...] = ("blueprints/**/*.yaml",)


Any_ = Service | Component | Package | Environment
KINDS: Mapping[str, type[Blueprint]] = {
    "platform": PlatformSpec,
    "service": Service,
    "component": Component,
    "package": Package,
    "environment": Environment,
}


@dataclass(frozen=True)
class Platform:
    """Every blueprint of a workspace, loaded and valid by itself; `sources` says where each was written."""

    root: Path
    spec: PlatformSpec
    services: Mapping[str, Service] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)
    sources: Mapping[tuple[str, str], Source] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The platform's name."""
        return self.spec.name

    @property
    def units(self) -> list[Service | Component]:
        """Everything that runs."""
        return [*self.services.values(), *self.components.values()]

    def resolve(self, name: str) -> Service | Component | None:
        """The service or component that a `uses` entry names, by name or alias."""
        return self._units.get(name)

    def packages_of(self, service: Service) -> list[Package]:
        """The packages that a service depends on: those of its own language that name it a user."""
        kind = SERVICE_TYPES.get(service.type)
        language = kind.language if kind else None
        found = (p for p in self.packages.values() if service.name in p.users and p.language == language)
        return sorted(found, key=lambda package: package.name)

    @cached_property
    def _units(self) -> Mapping[str, Service | Component]:
        aliases = {alias: c for c in reversed([*self.components.values()]) for alias in c.aliases}
        return {**aliases, **self.components, **self.services}
