"""Client libraries of the workspace's own services, from what they say of themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_generators.generator import text
from nexus_generators.openapi.document import Document
from nexus_generators.writer import compare, write

from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Emit, Note
from nexus_cli.scaffold import describe
from nexus_cli.scaffold.app import is_included
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.package import join
from nexus_cli.sdk import source
from nexus_cli.sdk.generate import Outcome, generate
from nexus_cli.sdk.locked import NAMES
from nexus_cli.sdk.proof import Progress
from nexus_cli.stack import alone
from nexus_cli.stack.stack import Stack, unknown_unit
from nexus_cli.unit import State
from nexus_cli.workspace import Workspace, deployed


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a service: the package that it became, and the blueprint that names its `users`.

    `notes` say which of these have to be joined to it by hand.
    """

    service: str
    package: str
    blueprint: str
    users: Sequence[str]
    notes: Sequence[str]
    outcome: Outcome


def chosen(platform: Platform, names: Collection[str], *, everything: bool) -> list[str]:
    """The services that clients are wanted of; all are those that serve others, not people."""
    for name in names:
        if name not in platform.services:
            raise unknown_unit(name, platform.services)
        if not _serves(platform.services[name]):
            raise UsageError(f"{name} serves people, no programs: there is nothing to make a client of")
    if not names and not everything:
        raise UsageError("of what?", hint="give --spec FILE, --service NAME or --all")
    return list(names) or [name for name, service in platform.services.items() if _serves(service)]


def _serves(service: Service) -> bool:
    return service.type not in SERVICE_TYPES or SERVICE_TYPES[service.type].models


def documents(
    workspace: Workspace, platform: Platform, stack: Stack | None, names: Sequence[str], emit: Emit
) -> dict[str, Document]:
    """What each service serves: one that runs in the stack is asked, else its code.

    Where releases run, no code but theirs is asked.
    """
    found = _told(stack, names, emit) if stack else {}
    missing = [name for name in names if name not in found]
    if missing and stack and deployed(workspace, stack.environment):
        raise NexusError(
            f"not running, so that nothing can be read of their APIs: {', '.join(missing)}",
            hint=f"nexus status --env {stack.environment}; without --env, the code of this folder is asked",
        )
    if missing:
        emit(Note(f"{', '.join(missing)}: does not run, so its code is asked by itself"))
        found |= alone.documents(workspace, platform, missing, emit)
    return found


def _told(stack: Stack, names: Sequence[str], emit: Emit) -> dict[str, Document]:
    """What those say that run."""
    running = {unit.name: unit for unit in stack.engine.observe() if unit.state is State.RUNNING}
    found = {}
    for name in names:
        unit = stack.unit(name)
        if unit.name in running:
            host, port = running[unit.name].reach(unit.listens["http"])
            address = f"http://{host}:{port}{alone.DOCUMENT}"
            emit(Note(f"{name}: reading {address}"))
            found[name] = source.read(address)
    return found


def package_of(platform: Platform, service: str, language: str) -> str:
    """What the package is called; a second language says so."""
    for package in platform.packages.values():
        if package.client_of == service and package.language == language:
            return package.name
    name = f"{service}-client"
    known = platform.packages.get(name)
    return name if known is None or known.language == language else f"{name}-{language}"


def make(
    platform: Platform,
    root: Path,
    service: str,
    document: Document,
    language: str,
    *,
    verify: bool,
    force: bool,
    dry_run: bool,
    progress: Progress,
) -> Client:
    """The client of one service, as a package of the workspace."""
    name = package_of(platform, service, language)
    known, blueprint = platform.packages.get(name), f"blueprints/packages/{name}.yaml"
    if known is None and not is_included(platform, blueprint):
        raise UsageError(
            f"{blueprint} would describe the client, but nexus.yaml does not include it",
            hint="add `blueprints/packages/*.yaml` to its `include`",
        )
    folder = root / (known.source if known else f"packages/{name}")
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
    users = _callers(platform, service, language) if known is None else known.users
    joined: Sequence[str] = ()
    if not dry_run:
        if known is None:
            described = describe.package_text(
                name, "library", language, None, f"Client of {service}", client_of=service, users=users
            )
            write(compare({blueprint: text(described, seed=True)}, root), root)
        joined = join(root, name, Choice(force=force)).notes
    return Client(service, name, blueprint, users, joined, outcome)


def _callers(platform: Platform, service: str, language: str) -> list[str]:
    """The services that use one, and can have a client of it in a language."""
    return [
        user.name
        for user in platform.services.values()
        if user.type in SERVICE_TYPES
        and SERVICE_TYPES[user.type].language == language
        and any(platform.resolve(use.service) == platform.services[service] for use in user.uses)
    ]
