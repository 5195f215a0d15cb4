"""nexus status: what runs, how healthy it is and where it is reached."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption, Names, Output, OutputOption


def status(
    names: Names = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again every second until Ctrl-C.")
    ] = False,
    all_: Annotated[
        bool,
        typer.Option("--all", "-a", help="Show the jobs that are done on a terminal too."),
    ] = False,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
) -> None:
    """Show every unit with its state, health, address, age and restarts; exit code 1 if one is not well.

    Examples: `nexus status` · `nexus status --all` · `nexus status order -o json` · `nexus status --watch`
    """
    from nexus_cli import workspace
    from nexus_cli.release.standing import standing, under_way
    from nexus_cli.render import words
    from nexus_cli.render.status import as_dict, brief, table, well
    from nexus_cli.render.tables import show
    from nexus_cli.stack.health import examine

    found = workspace.find()
    stack = standing(found, environment)
    units = stack.subset(names) if names else stack.present()
    if watch:
        from nexus_cli.render.status import follow

        follow(stack, units, as_json=output == Output.json)
        return
    reports = examine(stack, units)
    if output == Output.json:
        typer.echo(json.dumps([as_dict(report) for report in reports], indent=2))
    else:
        short = sys.stdout.isatty() and not (names or all_)
        show((brief if short else table)(stack.title, reports))
        note = under_way(found, environment)
        if note is not None:
            typer.echo("\n".join(words.note(note)), err=True)
    raise typer.Exit(0 if all(well(report) for report in reports) else 1)
