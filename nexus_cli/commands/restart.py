"""nexus restart: the named units are stopped and started again."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption, LockTimeout, Output, OutputOption, complete_units


def restart(
    names: Annotated[
        list[str], typer.Argument(help="Services or components.", autocompletion=complete_units)
    ],
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
    lock_timeout: LockTimeout = 600,
) -> None:
    """Stop and start the named services or components, changed or not; others go on undisturbed.

    Examples: `nexus restart order` · `nexus restart order catalog`
    """
    from nexus_cli import workspace
    from nexus_cli.release.standing import standing
    from nexus_cli.render import renderer
    from nexus_cli.render.status import overview
    from nexus_cli.stack.up import start_again

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer(output) as emit, workspace.lock(folder, "restart", emit, wait=lock_timeout):
        stack = standing(found, environment)
        outcome = start_again(stack, names, emit)
        emit(overview(stack, stack.named(names)))
    raise typer.Exit(outcome.exit_code)
