"""nexus down: what runs is stopped, dependants first, and nothing is left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption, LockTimeout, Names, Output, OutputOption


def down(
    names: Names = None,
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Remove stored data and logs too.")
    ] = False,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Stop only what runs and is described no more.")
    ] = False,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
    lock_timeout: LockTimeout = 600,
) -> None:
    """Stop the platform, or only the named services; stored data stays unless --volumes is given.

    Examples: `nexus down` · `nexus down order` · `nexus down --volumes` · `nexus down --orphans`
    """
    from nexus_cli import actions

    code = actions.down(
        names or (),
        volumes=volumes,
        orphans=orphans,
        environment=environment,
        output=output,
        patience=lock_timeout,
    )
    raise typer.Exit(code)
