"""nexus init: a new workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nexus_cli.commands.generate import DataOption, DefaultsOption, show
from nexus_cli.commands.options import DryRun, Output, OutputOption


def init(
    name: Annotated[str, typer.Argument(help="The platform's name: lower-case letters, digits and hyphens.")],
    directory: Annotated[Path | None, typer.Option("--directory", help="Where; ./NAME otherwise.")] = None,
    platform: Annotated[
        str,
        typer.Option(
            "--platform", metavar="NAME", help="Begin with one of the catalogue: starter, core or full."
        ),
    ] = "",
    data: DataOption = None,
    defaults: DefaultsOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Make a workspace: blueprints, folders, checks and a git repository. Files that exist are kept.

    With `--platform`, the blueprints of that platform become yours and its services are generated.

    Examples: `nexus init shop` · `nexus init shop --directory . -d owner=Acme` · `nexus init shop --dry-run`
    · `nexus init shop --platform starter`
    """
    from nexus_cli.render import renderer
    from nexus_cli.scaffold.outcome import Choice, parse_data
    from nexus_cli.scaffold.workspace import create

    choice = Choice(data=parse_data(data or []), dry_run=dry_run, ask=not defaults)
    with renderer("text") as emit:
        outcome = create(name, directory or Path(name), choice, emit, platform=platform)
    show(outcome, output)
