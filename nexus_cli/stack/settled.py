"""The short way to say that there is nothing to do: what `up` read is as it was, and what it started is well.

After a whole `up`, the files and variables that decided it are noted with the units that it led to. The next
`up` compares both without loading a blueprint. Whatever differs, or cannot be told, is left to the long way.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli import __version__
from nexus_cli.errors import NexusError
from nexus_cli.resources import bundled
from nexus_cli.workspace import DEFAULT_ENVIRONMENT, FILE, Workspace, find, read_json, write_atomic

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform
    from nexus_cli.unit import Observed, Unit

RECORD = "settled.json"
_GRAIN = 20_000_000  # nanoseconds within which a file system may not tell two moments apart
_LEFT_OUT = {"__pycache__", ".venv", ".git", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_STATE = ("ports.json", "credentials.json", "secrets.json", "scale.json", "engine.json", "key", "keys")
_VARIABLES = ("NEXUS_ENGINE", "NEXUS_PROFILES", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")


def watch(workspace: Workspace, environment: str, platform: Platform) -> dict[str, list[str]]:
    """What decides the units of a platform: patterns of paths, trees of files, and variables."""
    spec, services = platform.spec, platform.services.values()
    trees = [service.source for service in services]
    trees += [c.build.context for c in platform.components.values() if c.build]
    trees += [spec.gateway.jwt.jwks] if spec.gateway.jwt.jwks else []
    state = workspace.environment_state(environment)
    return {
        "patterns": [FILE, *(pattern for pattern in spec.include if ":" not in pattern)],
        "trees": [
            *sorted({str(workspace.root / tree) for tree in trees}),
            *(str(state / name) for name in _STATE),
            str(bundled("blueprints")),
            str(Path(__file__).parents[1]),
        ],
        "variables": sorted({*_VARIABLES, *(name for unit in platform.units for name in unit.secrets)}),
    }


def stamp(root: Path, watched: Mapping[str, Sequence[str]]) -> tuple[str, int]:
    """A hash of every watched file's path, size and time of change, and of the variables; the latest time."""
    digest, latest = hashlib.blake2b(__version__.encode(), digest_size=16), 0
    paths = [str(path) for pattern in watched["patterns"] for path in sorted(root.glob(pattern))]
    paths += [path for tree in watched["trees"] for path in _files(tree)]
    for path in paths:
        changed, size = _look(path)
        latest = max(latest, changed)
        digest.update(f"{path}\0{size}\0{changed}\0".encode())
    for name in watched["variables"]:
        digest.update(repr((name, os.environ.get(name))).encode())
    return digest.hexdigest(), latest


def remember(
    workspace: Workspace, environment: str, platform: Platform, units: Sequence[Unit], began: int
) -> None:
    """Note that an `up` of everything, which began at `began` (nanoseconds), ended well with these units."""
    watched = watch(workspace, environment, platform)
    stamped, latest = stamp(workspace.root, watched)
    if latest >= began - _GRAIN:
        return  # changed since, perhaps by ourselves: what the plan was made from is not surely what is there
    record = {
        "watched": watched,
        "stamp": stamped,
        "title": f"{platform.name}/{environment}",
        "units": [_noted(unit) for unit in units],
    }
    write_atomic(workspace.environment_state(environment) / RECORD, json.dumps(record) + "\n", mode=0o600)


def look() -> tuple[str, list[tuple[Mapping[str, Any], Observed]]] | None:
    """The environment's title and its units, if everything is as the last whole `up` left it."""
    try:
        root = find().root
        folder = root / ".nexus" / (os.environ.get("NEXUS_ENVIRONMENT") or DEFAULT_ENVIRONMENT)
        record: Mapping[str, Any] = read_json(folder / RECORD)
        if not record or _locked(folder) or stamp(root, record["watched"])[0] != record["stamp"]:
            return None
        units = _well(folder, record)
    except (NexusError, LookupError, TypeError, ValueError):
        return None  # the long way will say what is wrong
    return None if units is None else (record["title"], units)


def _well(folder: Path, record: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Observed]] | None:
    """The lasting units if every unit of the record runs unchanged and answers, and no other does."""
    from nexus_cli.stack.engines import engine_in_use
    from nexus_cli.unit import State

    observed = {unit.name: unit for unit in engine_in_use(folder, record["title"]).observe()}
    noted = {unit["name"]: unit for unit in record["units"]}
    if observed.keys() != noted.keys():
        return None
    for name, unit in noted.items():
        seen = observed[name]
        done = seen.state is State.EXITED and seen.exit_code == 0
        lasts = seen.state is State.RUNNING and seen.ready and unit["kind"] != "job"
        if not (lasts or (done and unit["may_end"])) or seen.fingerprint != unit["fingerprint"]:
            return None
    running = {name for name, seen in observed.items() if seen.state is State.RUNNING}
    lasting = [(unit, observed[name]) for name, unit in noted.items() if name in running]
    with ThreadPoolExecutor(max_workers=16) as pool:
        return lasting if all(pool.map(_answers, *zip(*lasting, strict=True))) else None


def _answers(unit: Mapping[str, Any], seen: Observed) -> bool:
    """Ask once what can be asked from here; what only the unit itself could say held when it got ready."""
    from nexus_cli.engine.probe import check
    from nexus_cli.unit import Probe

    if unit["probe"] is None or unit["probe"][0] not in {"http", "tcp"}:
        return True
    kind, port, target = unit["probe"]
    probe = Probe(kind, port=port, target=target)
    return check(probe, *seen.reach(port), execute=lambda _: (1, ""), log_lines=list).ok


def _locked(folder: Path) -> bool:
    """Whether another command works on the environment."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def forget(folder: Path) -> None:
    """The next `up` has to look at everything."""
    (folder / RECORD).unlink(missing_ok=True)


def _noted(unit: Unit) -> dict[str, Any]:
    probe = unit.probe
    return {
        "name": unit.name,
        "kind": unit.kind,
        "may_end": unit.may_end,
        "fingerprint": unit.fingerprint,
        "url": unit.url,
        "probe": [probe.kind, probe.port, probe.target] if probe else None,
    }


def _files(tree: str) -> Iterator[str]:
    if os.path.isfile(tree):  # noqa: PTH113 - as in all of this function: pathlib would cost as much as the rest
        yield tree
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        yield from (f"{folder}/{name}" for name in sorted(names))


def _look(path: str) -> tuple[int, int]:
    """When a file was last changed in any way, and its size; a missing one has neither."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0, -1
    return found.st_ctime_ns, found.st_size
