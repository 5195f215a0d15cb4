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
    from nexus_cli import workspace
    from nexus_cli.render import renderer
    from nexus_cli.stack.down import bring_down

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer(output) as emit, workspace.lock(folder, "down", emit, wait=lock_timeout):
        title = f"down {found.root.name}/{environment}"
        known = None
        if orphans:
            from nexus_cli.stack.stack import assemble

            known = [unit.name for unit in assemble(found, environment).units]
        outcome = bring_down(folder, title, names or [], emit, volumes=volumes, described=known)
    raise typer.Exit(130 if outcome.interrupted else 0 if outcome.ok else 1)
