"""nexus up: everything that is described runs, each unit the moment its own dependencies are ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nexus_cli.commands.options import (
    DryRun,
    EngineOption,
    EnvironmentOption,
    LockTimeout,
    Names,
    Output,
    OutputOption,
    ProfileOption,
)


def up(
    names: Names = None,
    free_ports: Annotated[
        bool,
        typer.Option(
            "--free-ports", help="Choose another, lasting port where one is held by another program."
        ),
    ] = False,
    platform: Annotated[
        str,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="All of a platform of the catalogue, starter, core or full: outside of a workspace, "
            "in a new one, ./NAME.",
        ),
    ] = "",
    profile: ProfileOption = None,
    engine: EngineOption = None,
    dry_run: DryRun = False,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
    lock_timeout: LockTimeout = 600,
) -> None:
    """Start the platform, or the named services with all that they need; what runs unchanged is left alone.

    Examples: `nexus up` · `nexus up order` · `nexus up --profile debug` · `nexus up --dry-run` ·
    `nexus up --platform starter`
    """
    from nexus_cli import actions

    if platform:
        all_of_it = _members(platform, dry_run=dry_run)
        names = names or all_of_it

    code = actions.up(
        names or (),
        profiles=profile or (),
        free_ports=free_ports,
        dry_run=dry_run,
        engine=engine,
        environment=environment,
        output=output,
        patience=lock_timeout,
    )
    raise typer.Exit(code)


def _members(platform: str, *, dry_run: bool) -> list[str]:
    """The units of a platform of the catalogue; they are in this workspace, or one is made that has them."""
    from nexus_cli.blueprint.load import load
    from nexus_cli.errors import UsageError
    from nexus_cli.scaffold.platform import members
    from nexus_cli.workspace import FILE, around

    wanted, root = members(platform), around()
    if not (root / FILE).is_file():
        root /= platform
        if not (root / FILE).is_file():
            _make(platform, root, dry_run=dry_run)
        os.environ["NEXUS_WORKSPACE"] = str(root)
    described = load(root)
    missing = [name for name in wanted if name not in {*described.services, *described.components}]
    if missing:
        raise UsageError(
            f"{root} has not all of the platform {platform}: no {', '.join(missing)}",
            hint="outside of this workspace, the same command makes one that has",
        )
    return wanted


def _make(platform: str, root: Path, *, dry_run: bool) -> None:
    from nexus_cli.render import renderer
    from nexus_cli.scaffold.outcome import Choice
    from nexus_cli.scaffold.workspace import create

    with renderer("text") as emit:
        made = create(platform, root, Choice(dry_run=dry_run), emit, platform=platform)
    what = "would be made and started" if dry_run else "is a new workspace"
    typer.echo(f"{root}: {what}, {len(made.changes)} files", err=True)
    if dry_run:
        raise typer.Exit
