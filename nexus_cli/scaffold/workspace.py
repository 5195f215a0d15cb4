"""`init`: a new workspace from its template, as one transaction and the first commit of its history."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.writer import recover

from nexus_cli.blueprint.schema import json_schema
from nexus_cli.errors import UsageError
from nexus_cli.events import Emit
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin, describe
from nexus_cli.scaffold import platform as platforms
from nexus_cli.scaffold.answers import check_questions
from nexus_cli.scaffold.app import Edit, bring_up, generable
from nexus_cli.scaffold.outcome import Choice, Outcome, lay_down
from nexus_cli.scaffold.template import read
from nexus_cli.workspace import FILE

SCHEMA = ".vscode/blueprint.schema.json"
"""What the editor's settings name for blueprints; in git, so that a fresh clone completes them too."""


def create(name: str, folder: Path, choice: Choice, emit: Emit, *, platform: str = "") -> Outcome:
    """Make the workspace `name` in `folder`; what is there already stays as it is.

    `platform` is one of the catalogue, whose services are generated with it.
    """
    describe.check_name(name, "platform")
    folder = folder.absolute()
    _check_place(folder)
    recover(folder)
    if (folder / FILE).exists():
        raise UsageError(f"{folder} is a workspace already", hint="choose another folder with --directory")
    chosen = platforms.choose(platform) if platform else None
    template = read(bundled("templates") / "workspace", "workspace")
    if "name" in choice.data:
        raise UsageError("the name is the first argument, not --data name=…")
    check_questions(template, choice.data)
    for key, value in choice.data.items():
        describe.check_text(value, f"--data {key}")
    files = builtin.render(template, {"name": name, **choice.data}, folder=folder.name)
    files[SCHEMA] = text(json.dumps(json_schema(), indent=2) + "\n")
    existed = folder.is_dir() and any(folder.iterdir())
    if chosen is None:
        changes = lay_down(_seeds(files), folder, {}, choice)
        outcome = Outcome(folder, changes, choice.dry_run, next=("nexus generate app order", "nexus up"))
    else:
        files = platforms.joined(files, chosen)
        described = platforms.described(files, folder)
        services, notes = generable(described)
        edit, packages = Edit(_seeds(files), notes=notes), [*described.packages.values()]
        outcome = bring_up(folder, described, services, edit, choice, packages)
    if not choice.dry_run:
        _commit(name, folder, emit, existed=existed)
    return replace(outcome, next=(*_step_in(folder), *outcome.next))


def _seeds(files: Mapping[str, File]) -> dict[str, File]:
    return {path: replace(file, seed=True) for path, file in files.items()}


def _step_in(folder: Path) -> tuple[str, ...]:
    here = Path.cwd()
    if folder == here:
        return ()
    return (f"cd {shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))}",)


def _check_place(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="choose another folder with --directory")
    outer = next((place for place in folder.resolve().parents if (place / FILE).is_file()), None)
    if outer is not None:
        raise UsageError(f"{folder} lies inside the workspace {outer}", hint="workspaces are not nested")


def _commit(name: str, folder: Path, emit: Emit, *, existed: bool) -> None:
    from nexus_cli.events import Note
    from nexus_cli.repo import initialise

    if existed and not (folder / ".git").exists():
        emit(
            Note(
                "the folder had files of yours, so nothing was committed",
                hint="git init && git add . && git commit",
            )
        )
        return
    initialise(folder, f"Start the platform {name}", emit)
