"""Client libraries of the workspace's own services, from what they say of themselves while they run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_generators.generator import text
from nexus_generators.writer import compare, write

from nexus_cli.blueprint.model import Platform
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold import describe
from nexus_cli.sdk import source
from nexus_cli.sdk.gate import Progress
from nexus_cli.sdk.generate import Outcome, generate
from nexus_cli.sdk.locked import NAMES
from nexus_cli.stack.stack import Stack, unknown_unit
from nexus_cli.unit import State

_DOCUMENT = "/api/openapi.json"


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a service: the package that it became, and the blueprint that lets services use it."""

    service: str
    package: str
    blueprint: str
    used: bool
    outcome: Outcome


def chosen(platform: Platform, names: Collection[str], *, everything: bool) -> list[str]:
    """The services that clients are wanted of."""
    for name in names:
        if name not in platform.services:
            raise unknown_unit(name, platform.services)
    if not names and not everything:
        raise UsageError("of what?", hint="give --spec FILE, --service NAME or --all")
    return list(names) or list(platform.services)


def addresses(stack: Stack, names: Sequence[str]) -> dict[str, str]:
    """Where each service serves its OpenAPI document now; all that do not run are named at once."""
    seen = {unit.name: unit for unit in stack.engine.observe() if unit.state is State.RUNNING}
    missing = [name for name in names if name not in seen]
    if missing:
        raise NexusError(
            f"not running, so that nothing can be read of their APIs: {', '.join(missing)}",
            hint=f"nexus up {' '.join(missing)}",
        )
    found = {}
    for name in names:
        probe = stack.unit(name).probe
        host, port = seen[name].reach(probe.port or 0 if probe else 0)
        found[name] = f"http://{host}:{port}{_DOCUMENT}"
    return found


def package_of(platform: Platform, service: str, language: str) -> str:
    """What the package is called; a second language says so."""
    name = f"{service}-client"
    known = platform.packages.get(name)
    return name if known is None or known.language == language else f"{name}-{language}"


def make(
    platform: Platform,
    root: Path,
    service: str,
    address: str,
    language: str,
    *,
    verify: bool,
    force: bool,
    dry_run: bool,
    progress: Progress,
) -> Client:
    """The client of one service, as a package of the workspace."""
    name = package_of(platform, service, language)
    known = platform.packages.get(name)
    folder = root / (known.source if known else f"packages/{name}")
    document = source.read(address)
    outcome = generate(
        document,
        language,
        folder,
        package=NAMES[language](name, platform.name if known is None else known.scope or platform.name),
        within=True,
        verify=verify,
        force=force,
        dry_run=dry_run,
        progress=progress,
    )
    blueprint = f"blueprints/packages/{name}.yaml"
    if known is None and not dry_run:
        described = describe.package_text(name, "library", language, None, f"Client of {service}")
        write(compare({blueprint: text(described, seed=True)}, root), root)
    return Client(service, name, blueprint, bool(known and known.users), outcome)
