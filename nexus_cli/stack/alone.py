"""What services that do not run say of their APIs: their code is started by itself, and asked.

A service tells its OpenAPI document before anything that it uses is there, so nothing else is brought up.
What has no code yet is generated from its blueprint into a folder that is thrown away.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nexus_generators.openapi.document import Document

from nexus_cli.blueprint.model import Platform
from nexus_cli.errors import NexusError
from nexus_cli.events import Emit, Note
from nexus_cli.identity import identify
from nexus_cli.scaffold.app import generate_apps
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.sdk import source
from nexus_cli.stack import engines, ports
from nexus_cli.stack.reconcile import reconcile
from nexus_cli.stack.run import Runner
from nexus_cli.stack.stack import Stack, assemble, mark_isolated
from nexus_cli.unit import Probe, Unit
from nexus_cli.workspace import FILE, Workspace

DOCUMENT = "/api/openapi.json"


def documents(
    workspace: Workspace, platform: Platform, names: Sequence[str], emit: Emit
) -> dict[str, Document]:
    """The document of each service, asked of its own code or of the code that its blueprint becomes."""
    written = [name for name in names if (workspace.root / platform.services[name].source).is_dir()]
    found = _asked(workspace, written, emit) if written else {}
    described = [name for name in names if name not in found]
    if described:
        with _generated(workspace, platform, described) as other:
            emit(Note(f"{', '.join(described)}: generated for this from the blueprint, there is no code yet"))
            found |= _asked(other, described, emit)
    return found


def _asked(workspace: Workspace, names: Sequence[str], emit: Emit) -> dict[str, Document]:
    with _copy(workspace) as stack:
        units = [_alone(stack.unit(name)) for name in names]
        facts = stack.facts(units)
        plan = reconcile(f"ask {stack.title}", units, facts, {unit.name for unit in units})
        outcome = Runner(stack.engine, units, emit).run(plan)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if not outcome.ok:
            raise NexusError(
                "no client without the service's OpenAPI document",
                hint=f"it has to answer at {DOCUMENT} even while nothing that it uses is there",
            )
        return {
            name: source.read(f"http://127.0.0.1:{unit.listens['http']}{DOCUMENT}")
            for name, unit in zip(names, units, strict=True)
        }


def _alone(unit: Unit) -> Unit:
    """The unit without what it needs, ready as soon as it tells its document."""
    probe = Probe("http", port=unit.listens["http"], target=DOCUMENT)
    return replace(unit, needs=(), probe=probe)


@contextmanager
def _copy(workspace: Workspace) -> Iterator[Stack]:
    """An environment of its own with other ports, which leaves nothing behind."""
    environment = f"client-{secrets.token_hex(3)}"
    mark_isolated(workspace, environment, json.dumps({"owner": identify(os.getpid())}))
    folder = workspace.environment_state(environment)
    try:
        stack = assemble(workspace, environment, engine="process", alone=True)
        others = ports.elsewhere(stack.platform, f"{workspace.root}:{environment}")
        ports.keep(folder, stack.platform, others)
        stack = assemble(workspace, environment, engine="process", alone=True)
        engines.keep(folder, stack.choice)
        try:
            yield stack
        finally:
            stack.engine.shutdown(volumes=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _generated(workspace: Workspace, platform: Platform, names: Sequence[str]) -> Iterator[Workspace]:
    """The workspace's descriptions and packages in another folder, with the code of these services."""
    with tempfile.TemporaryDirectory(prefix="nexus-client-") as place:
        root = Path(place)
        for said in {FILE, *(source.file for source in platform.sources.values())}:
            if (workspace.root / said).is_file():
                (root / said).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(workspace.root / said, root / said)
        for package in platform.packages.values():
            if (workspace.root / package.source).is_dir():
                shutil.copytree(workspace.root / package.source, root / package.source, symlinks=True)
        generate_apps(root, names, Choice())
        yield Workspace(root)
