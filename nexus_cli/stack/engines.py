"""Which engine an environment runs on: asked for, in use already, described, or the one that answers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nexus_cli.blueprint.images import BASE_IMAGES, base_images
from nexus_cli.errors import UsageError
from nexus_cli.workspace import DEFAULT_ENVIRONMENT, Workspace, read_json, write_atomic

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform
    from nexus_cli.engine.engine import Engine

EngineName = Literal["docker", "process"]
NAMES: tuple[EngineName, ...] = ("docker", "process")
VARIABLE = "NEXUS_ENGINE"
_FILE = "engine.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine: its kind, its address, the name of all that is ours there, and why it was chosen.

    `relay` is the image of what leads to containers that are not reached from here.
    """

    engine: EngineName
    where: str = ""
    project: str = ""
    why: str = ""
    relay: str = BASE_IMAGES["python"]

    @property
    def far(self) -> bool:
        """Whether the engine is on another machine, or may be."""
        from nexus_cli.engine.docker.client import far

        return bool(self.where) and far(self.where)

    @property
    def host(self) -> str:
        """Where a person reaches the units' ports."""
        from nexus_cli.engine.docker.client import hostname

        return hostname(self.where)

    def __str__(self) -> str:
        return f"Docker at {shown(self.where)}" if self.engine == "docker" else "processes of this machine"


def choose(folder: Path, platform: Platform, environment: str, asked: str | None = None) -> Choice:
    """The engine for an environment; one that is in use cannot be changed while it runs something."""
    kept = in_use(folder)
    described = platform.environments.get(environment)
    target = described.target.engine if described else ""
    kept = kept and trusted(kept, target)
    said = bool(target) or bool(described and described.target.process)
    asked = asked or (None if said else os.environ.get(VARIABLE)) or None  # no shell moves an environment
    if asked and asked not in NAMES:
        raise UsageError(f'unknown engine "{asked}"', hint=f"one of {', '.join(NAMES)}")
    if kept is not None:
        if asked in {None, kept.engine}:
            return kept
        raise UsageError(
            f"{platform.name}/{environment} runs on {kept}, not on {asked}",
            hint="`nexus down` first; stored data stays with its engine",
        )
    project = _project(folder, platform, environment)
    relay = base_images(platform)["python"]
    if target and asked != "process":
        return Choice("docker", target, project, f"{environment} says so", relay)
    if described and described.target.process and asked != "docker":
        return Choice("process", why=f"{environment} says so")
    if asked == "process":
        return Choice("process", why="asked for")
    return _docker(project, relay, asked=asked is not None)


def _docker(project: str, relay: str, *, asked: bool) -> Choice:
    from nexus_cli.engine.docker.client import address, silence

    where = address()
    reason = "" if asked else silence(where)
    if reason:
        return Choice("process", why=f"no Docker engine answers at {where}: {reason}")
    return Choice("docker", where, project, "asked for" if asked else "it answers", relay)


def docker_of(workspace: Workspace | None, environment: str) -> str:
    """Where an environment's Docker engine is: the one in use, its target, else what this machine has."""
    from nexus_cli.blueprint.load import did_you_mean, load
    from nexus_cli.engine.docker.client import address

    if workspace is None:
        return address()
    described = load(workspace.root).environments
    if environment not in {DEFAULT_ENVIRONMENT, *described}:
        hint = did_you_mean(environment, described) or f"there are {', '.join(sorted(described))}"
        raise UsageError(f'unknown environment "{environment}"', hint=hint)
    target = described[environment].target.engine if environment in described else ""
    kept = in_use(workspace.state / environment)
    if kept is not None and kept.engine == "docker":
        return trusted(kept, target).where
    return target or address()


def trusted(kept: Choice, target: str) -> Choice:
    """The engine in use, with the certificates that its target names now: they may have moved."""
    return replace(kept, where=target) if target and shown(kept.where) == shown(target) else kept


def in_use(folder: Path) -> Choice | None:
    """The engine that the environment was last brought up on, until it was taken down."""
    kept: Mapping[str, object] = read_json(folder / _FILE)
    if kept.get("engine") not in NAMES:
        return None
    known = {name: str(kept[name]) for name in ("where", "project", "relay") if name in kept}
    return Choice(engine="docker" if kept["engine"] == "docker" else "process", **known, why="in use")


def keep(folder: Path, choice: Choice) -> None:
    """Remember the engine, before anything is begun on it, and how it is reached by now."""
    kept = in_use(folder)
    if kept is None or kept.where != choice.where:
        write_atomic(folder / _FILE, json.dumps(asdict(choice), indent=2) + "\n", mode=0o600)


def forget(folder: Path) -> None:
    """Nothing runs any more: the next `up` may choose anew."""
    (folder / _FILE).unlink(missing_ok=True)


def engine(choice: Choice, folder: Path, label: str) -> Engine:
    """The engine that was chosen, for the environment whose state is in the folder."""
    if choice.engine == "docker":
        from nexus_cli.engine.docker.engine import DockerEngine

        return DockerEngine(
            folder, choice.project, label=label, where=choice.where or None, relay=choice.relay
        )
    from nexus_cli.engine.process import ProcessEngine

    return ProcessEngine(folder, label=label)


def engine_in_use(folder: Path, label: str) -> Engine:
    """The engine that the environment runs on; without blueprints, so that a broken one can be taken down."""
    return engine(in_use(folder) or Choice("process"), folder, label)


def shown(where: str) -> str:
    """An engine's address as a person wrote it."""
    return where.partition("?")[0]


def _project(folder: Path, platform: Platform, environment: str) -> str:
    """The name of all that is ours on an engine; of its own for each checkout's development environment."""
    from nexus_cli.secrets import store

    name = f"{platform.name}-{environment}"
    if environment != DEFAULT_ENVIRONMENT:
        return name
    return f"{name}-{hashlib.blake2b(store.key(folder), digest_size=3).hexdigest()}"
