"""nexus exec: a command in a unit's own environment."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption, OneName


def execute(
    name: OneName,
    command: Annotated[list[str], typer.Argument(help="The command and its arguments.")],
    environment: EnvironmentOption = "development",
) -> None:
    """Run a command with the variables, programs and folder of a service or component; its exit code is ours.

    Examples: `nexus exec order python -m order_service migrate` · `nexus exec postgres psql --version`
    """
    from nexus_cli.release.standing import standing
    from nexus_cli.workspace import find

    stack = standing(find(), environment)
    given = command[1:] if command[0] == "--" else command
    raise typer.Exit(stack.engine.execute(stack.unit(name), given))
