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
    from nexus_cli import workspace
    from nexus_cli.render import renderer
    from nexus_cli.render.status import overview
    from nexus_cli.stack.up import bring_up, intend

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer(output) as emit, workspace.lock(folder, "up", emit, wait=lock_timeout):
        intent = intend(
            found,
            environment,
            lambda stack: stack.subset(names or [], profile or []),
            free_ports=free_ports,
            check=not dry_run,
            engine=engine,
        )
        if dry_run:
            typer.echo(str(intent.plan))
            return
        outcome = bring_up(intent, emit)
        emit(overview(intent.stack, intent.units))
    raise typer.Exit(130 if outcome.interrupted else 0 if outcome.ok else 1)
