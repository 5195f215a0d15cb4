"""nexus up: everything that is described runs, each unit the moment its own dependencies are ready."""

from __future__ import annotations

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
    profile: ProfileOption = None,
    engine: EngineOption = None,
    dry_run: DryRun = False,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
    lock_timeout: LockTimeout = 600,
) -> None:
    """Start the platform, or the named services with all that they need; what runs unchanged is left alone.

    Examples: `nexus up` · `nexus up order` · `nexus up --profile debug` · `nexus up --dry-run`
    """
    from nexus_cli import actions

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
