"""Checks of the machine and the workspace, each with its cure."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus_cli.blueprint.load import BlueprintFault
from nexus_cli.errors import NexusError
from nexus_cli.identity import port_holder
from nexus_cli.stack import ports as port_numbers
from nexus_cli.stack.stack import assemble
from nexus_cli.workspace import Workspace, find

_ENOUGH = 2 << 30
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `ok` is False only where something will not work."""

    name: str
    ok: bool
    message: str
    hint: str | None = None
    mark: str = "✓"


def diagnose(environment: str) -> Iterator[Check]:
    """Every check in turn; those of the workspace only inside one."""
    yield _python()
    yield _program("git", "install git with the system's package manager")
    yield _disk()
    try:
        found = find()
    except NexusError as error:
        yield _bad("workspace", error.message, error.hint)
        return
    yield Check("workspace", ok=True, message=str(found.root))
    yield from _private(found)
    yield from _stack(found, environment)


def _bad(name: str, message: str, hint: str | None) -> Check:
    return Check(name, ok=False, message=message, hint=hint, mark="✗")


def _python() -> Check:
    return Check("python", ok=True, message=f"{sys.version.split()[0]} at {sys.executable}")


def _program(name: str, hint: str) -> Check:
    path = shutil.which(name)
    return Check(name, ok=True, message=path) if path else _bad(name, "not found", hint)


def _disk() -> Check:
    free = shutil.disk_usage(Path.home()).free
    message = f"{free / (1 << 30):.1f} GiB free"
    if free < _ENOUGH:
        return _bad("disk", message, "components and environments need about 2 GiB; free some space")
    return Check("disk", ok=True, message=message)


def _private(found: Workspace) -> Iterator[Check]:
    if not found.state.is_dir():
        return
    open_ones = [
        path
        for top, _, names in os.walk(found.state, onerror=None)
        if "/data" not in top
        for path in (Path(top) / name for name in names)
        if path.suffix == ".json" and path.lstat().st_mode & _OTHERS
    ]
    if open_ones:
        yield _bad("state files", f"{open_ones[0]} can be read by others", f"chmod 600 {open_ones[0]}")
    else:
        yield Check("state files", ok=True, message="readable by you only")


def _stack(found: Workspace, environment: str) -> Iterator[Check]:
    try:
        stack = assemble(found, environment)
    except BlueprintFault as fault:
        yield _bad("blueprints", f"{len(fault.findings)} faults", "run `nexus lint`")
        return
    except NexusError as error:
        yield _bad("blueprints", error.message, error.hint)
        return
    yield Check("blueprints", ok=True, message=f"{len(stack.platform.services)} services, no faults")
    running = {unit.name for unit in stack.engine.observe()}
    yield Check("engine", ok=True, message=f"{stack.engine.name}, {len(running)} units known")
    missing = [unit.name for unit in stack.units if not stack.engine.prepared(unit)]
    ready = "everything is there" if not missing else f"`nexus up` will fetch {', '.join(missing)}"
    yield Check("programs", ok=True, message=ready)
    held = [
        (unit.name, port)
        for unit in stack.units
        for port in unit.ports.values()
        if unit.name not in running and not port_numbers.free(port)
    ]
    for name, port in held:
        holder = port_holder(port) or "another program"
        yield _bad(
            f"port {port}", f"{name} needs it, {holder} holds it", "stop it, or use `nexus up --free-ports`"
        )
    if not held:
        yield Check("ports", ok=True, message="free, or held by our own units")
