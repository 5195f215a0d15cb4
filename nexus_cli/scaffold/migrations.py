"""The next migration of a service: what its database must learn since its tables were recorded.

`migrations/model.json` holds the tables that the migrations beside it make. It is written together with each
migration and kept in git: no database is asked, and two branches that both change the model meet in it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from nexus_generators.generator import File, text

from nexus_cli.blueprint.load import BlueprintFault
from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.blueprint.source import Finding, Location
from nexus_cli.errors import UsageError
from nexus_cli.scaffold import builtin, tables
from nexus_cli.scaffold.answers import recorded
from nexus_cli.scaffold.difference import Change, Loss, difference, losses, named, restorable
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.tables import Tables
from nexus_cli.scaffold.template import Template

MODEL = "migrations/model.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next migration goes and what it follows."""

    path: str
    revision: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class Next:
    """Files to write in a service's folder, the SHA-256 of what they replace, and what to tell a person."""

    files: Mapping[str, File] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tool:
    """How a technology keeps migrations: their folder and files, its template for one, and which is next."""

    folder: str
    file: re.Pattern[str]
    template: str
    next: Callable[[Path, Sequence[str], str], Place]


def _after_revisions(folder: Path, files: Sequence[str], name: str) -> Place:
    """The next of Alembic's migrations, each of which names the one before."""
    revisions: dict[str, set[str]] = {}
    for file in files:
        revision, before = _revision(folder / file)
        revisions[revision] = before
    heads = revisions.keys() - set[str]().union(*revisions.values())
    if len(heads) != 1:
        last = ", ".join(sorted(heads)) or "none"
        raise UsageError(
            f"{folder.parent.name}/{folder.name} has no single last migration: {last}",
            hint="let each follow another (`down_revision`), so that one of them is the last",
        )
    number = max((int(r) for r in revisions if r.isdecimal()), default=len(revisions)) + 1
    return Place(f"{number:04}_{name}.py", f"{number:04}", heads.pop())


def _revision(path: Path) -> tuple[str, set[str]]:
    """What a migration of Alembic's calls itself, and what it follows."""
    try:
        assigned = dict(_assigned(ast.parse(path.read_bytes())))
        revision, before = (ast.literal_eval(assigned[name]) for name in ("revision", "down_revision"))
    except (SyntaxError, ValueError, KeyError) as error:
        raise UsageError(
            f"{path.name} does not say which migration it is",
            hint="it needs `revision` and `down_revision` as plain texts",
        ) from error
    return revision, {before} if isinstance(before, str) else set(before or ())


def _assigned(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            yield ast.unparse(target), node.value


def _after_numbers(digits: int, folder: Path, files: Sequence[str], name: str) -> Place:
    """The next of migrations that are plain SQL, in the order of their numbers."""
    numbers = [int(file.partition("_")[0]) for file in files]
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise UsageError(f"{folder.name} has two migrations of number {twice}", hint="renumber the later one")
    number = max(numbers) + 1
    return Place(f"{number:0{digits}}_{name}.sql", f"{number:0{digits}}", None)


TOOLS = {
    "fastapi": _Tool(
        "migrations/versions", re.compile(r"(?!__)\w.*\.py"), "migration.py.jinja", _after_revisions
    ),
    "fastify": _Tool(
        "migrations", re.compile(r"\d+_.*\.sql"), "migration.sql.jinja", partial(_after_numbers, 4)
    ),
    "express": _Tool(
        "migrations", re.compile(r"\d+_.*\.sql"), "migration.sql.jinja", partial(_after_numbers, 4)
    ),
    "go": _Tool(
        "migrations", re.compile(r"\d+_.*\.(sql|go)"), "migration.sql.jinja", partial(_after_numbers, 5)
    ),
}


def next_migration(
    root: Path,
    platform: Platform,
    service: Service,
    template: Template,
    variables: Mapping[str, Any],
    choice: Choice,
) -> Next:
    """What the service's migrations need after its blueprint changed; changes that lose data are refused."""
    tool = TOOLS.get(service.type)
    if tool is None or "DATABASE_URL" not in variables["connections"]:
        return Next()
    folder = root / service.source
    after = tables.tables_of(variables)
    model = {MODEL: text(tables.written(after))}
    base = {MODEL: File((folder / MODEL).read_bytes()).digest} if (folder / MODEL).exists() else {}
    present = _present(folder / tool.folder, tool)
    if not present:
        return Next(model, base)
    before = _before(folder, service)
    changes = () if choice.by_hand else difference(before, after)
    if not changes and not choice.by_hand:
        return Next(model, base)
    lost = list(losses(changes))
    if not choice.allow_data_loss:
        _refuse(platform, service, lost)
    back = difference(after, restorable(before)) if changes else ()
    name = _slug(choice.migration) or named(changes)
    place = tool.next(folder / tool.folder, present, name)
    content = _written(template, tool, place, name, changes, back)
    notes = tuple(f"{_where(platform, service, loss)}: {loss.what}" for loss in lost)
    return Next({**model, f"{tool.folder}/{place.path}": text(content, seed=True)}, base, notes)


def _written(
    template: Template,
    tool: _Tool,
    place: Place,
    name: str,
    changes: Sequence[Change],
    back: Sequence[Change],
) -> str:
    """The text of a migration that makes these changes, and takes them back."""
    context = {
        "message": name.replace("_", " ").capitalize(),
        "revision": place.revision,
        "previous": place.previous,
        "upgrade": changes,
        "downgrade": back,
    }
    return builtin.render_one(template, tool.template, context)


def without_replaced(files: Mapping[str, File], folder: Path, kind: str) -> dict[str, File]:
    """A template's files without first migrations that a person replaced by others."""
    tool = TOOLS.get(kind)
    if tool is None or not _present(folder / tool.folder, tool):
        return dict(files)
    return {path: file for path, file in files.items() if not _replaced(PurePosixPath(path), folder, tool)}


def _replaced(path: PurePosixPath, folder: Path, tool: _Tool) -> bool:
    is_migration = str(path.parent) == tool.folder and tool.file.fullmatch(path.name)
    return bool(is_migration) and not (folder / path).exists()


def _present(folder: Path, tool: _Tool) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if tool.file.fullmatch(path.name))


def _before(folder: Path, service: Service) -> Tables:
    """The tables that the migrations make: as recorded, or as the service was generated last."""
    path = folder / MODEL
    if path.exists():
        return tables.read(path.read_text(encoding="utf-8"), f"{service.source}/{MODEL}")
    return tables.older(tables.tables_of(recorded(folder)))


def _refuse(platform: Platform, service: Service, lost: Sequence[Loss]) -> None:
    if lost:
        raise BlueprintFault(
            [
                Finding(
                    "data-loss",
                    "error",
                    loss.what,
                    _where(platform, service, loss),
                    f"{loss.hint}; or --allow-data-loss",
                )
                for loss in lost
            ]
        )


def _where(platform: Platform, service: Service, loss: Loss) -> Location:
    path = ["uses"] if loss.table is None else ["resources", loss.table.resource]
    return platform.sources["service", service.name].at(
        [*path, *(["fields", loss.column] if loss.column else [])]
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
