"""What the conformance suite is tried on: generated services beside real servers, as `nexus up` runs them."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nexus_generators.generator import File, text
from rendering import Venv
from servers import PASSWORD, Process, create, database, nats, nats_url, postgres, valkey

from nexus_cli.blueprint.bind import Bindings, service_environment, url_variable
from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.conformance.rig import Rig
from nexus_cli.engine.environments import ENVIRONMENTS
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.package import render_package
from nexus_cli.scaffold.template import read
from nexus_cli.scaffold.tidy import tidied
from nexus_cli.stack.forms import commands, project

KEY = "only-for-this-test-as-well"


@dataclass
class Stored:
    """A server whose data can be removed."""

    process: Process

    def start(self) -> None:
        self.process.listen()

    def stop(self) -> None:
        self.process.stop()

    def forget(self) -> None:
        shutil.rmtree(self.process.folder / "data")


@dataclass(frozen=True)
class Servers:
    """The servers of all rigs."""

    tools: Venv
    postgres: Process
    redis: Process
    nats: Process

    def empty_database(self, numbers: Iterator[int] = itertools.count()) -> str:  # noqa: B008 - one for all
        name = f"empty_{next(numbers)}"
        create(self.tools, self.postgres, name)
        return database(self.postgres, name)


@contextmanager
def running(tools: Venv, root: Path) -> Iterator[Servers]:
    """The servers, started and stopped."""
    started = Servers(
        tools,
        postgres(tools.site, root / "postgres"),
        valkey(tools.site, root / "valkey"),
        nats(tools.programs, root / "nats"),
    )
    processes = (started.postgres, started.redis, started.nats)
    try:
        for process in processes:
            process.listen()
        yield started
    finally:
        for process in processes:
            process.stop()


def generated(folder: Path, service: Service, given: dict[str, Any]) -> Path:
    """A service as `nexus generate app` writes it."""
    template = read(bundled("templates") / "service" / service.type, f"service/{service.type}")
    return written(folder, tidied(builtin.render(template, given, folder=service.name)))


def shared(root: Path, platform: Platform, service: Service) -> tuple[Path, ...]:
    """The packages that a service depends on, as `nexus generate package` writes them."""
    packages = platform.packages_of(service)
    return tuple(written(root / p.source, render_package(root, platform, p, Choice())) for p in packages)


def written(folder: Path, files: Mapping[str, File]) -> Path:
    """The folder, once the files are in it."""
    for path, file in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    return folder


def rig_of(
    root: Path,
    platform: Platform,
    service: Service,
    given: dict[str, Any],
    servers: Servers,
    own: Mapping[str, str] = MappingProxyType({}),
) -> Rig:
    """What `nexus up` would run on the process engine, with its environment built in the same way.

    `own` are files that a person has written below the root.

    Of what the service uses, PostgreSQL, Redis and NATS are there; everything else has its address, where
    nobody answers.
    """
    folder, described = generated(root / service.name, service, given), SERVICE_TYPES[service.type]
    code = replace(project(described, folder), packages=shared(root, platform, service))
    written(root, {path: text(said) for path, said in own.items()})
    environment = ENVIRONMENTS[type(code)]
    environment.build(code, print)
    serve, migrate = commands(described, service, folder)
    path = [*map(str, environment.programs(code)), os.environ["PATH"]]
    surroundings = {"PATH": os.pathsep.join(path), "HOME": str(root), **environment.variables(code)}
    held = {"DATABASE_URL": servers.postgres, "REDIS_URL": servers.redis, "NATS_URL": servers.nats}
    addresses = {
        "DATABASE_URL": servers.empty_database,
        "REDIS_URL": lambda: f"redis://127.0.0.1:{servers.redis.port}/0",
        "NATS_URL": lambda: nats_url(servers.nats),
    }
    used = [name for name in given["connections"] if name in held]
    logs = root / "logs"
    logs.mkdir()
    return Rig(
        given,
        environment.located(code, serve),
        environment.located(code, migrate) if migrate else (),
        folder,
        surroundings
        | elsewhere(platform, service, given)
        | {name: addresses[name]() for name in used}
        | dict.fromkeys(given["secrets"], KEY),
        logs,
        servers={name: Stored(held[name]) for name in used},
        empty_database=servers.empty_database,
        secrets=(PASSWORD, KEY),
    )


def elsewhere(platform: Platform, service: Service, given: dict[str, Any]) -> dict[str, str]:
    """The variables that follow from the blueprint, with the address of nothing for what it calls."""
    bound = service_environment(platform, service, Bindings())
    own = {name: text for name, text in bound.items() if name in {*service.env, *given["connections"]}}
    return own | {url_variable(name): "http://127.0.0.1:1" for name in given["calls"]}
