"""nexus plan: what `up` would do, and why."""

from __future__ import annotations

import json

import typer

from nexus_cli.commands.options import (
    EngineOption,
    EnvironmentOption,
    Names,
    Output,
    OutputOption,
    ProfileOption,
)

CHANGES = 10


def plan(
    names: Names = None,
    profile: ProfileOption = None,
    engine: EngineOption = None,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
) -> None:
    """Show each step that `up` would take and its cause; exit code 0: nothing to do, 10: changes.

    Examples: `nexus plan` · `nexus plan order -o json`
    """
    from nexus_cli import workspace
    from nexus_cli.stack.up import intend

    intended = intend(
        workspace.find(),
        environment,
        lambda stack: stack.subset(names or [], profile or []),
        check=False,
        engine=engine,
    ).plan
    typer.echo(json.dumps(intended.as_dict(), indent=2) if output == Output.json else str(intended))
    raise typer.Exit(CHANGES if intended.changed else 0)
