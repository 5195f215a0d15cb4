"""nexus run: a unit's own world, once, for one command."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from nexus_cli.commands.options import EngineOption, EnvironmentOption, LockTimeout, OneName


def run(
    name: OneName,
    command: Annotated[
        list[str] | None, typer.Argument(help="The command and its arguments, instead of the unit's own.")
    ] = None,
    no_deps: Annotated[bool, typer.Option("--no-deps", help="Start nothing that it needs.")] = False,
    engine: EngineOption = None,
    environment: EnvironmentOption = "development",
    lock_timeout: LockTimeout = 600,
) -> None:
    """Run a command once beside the platform, with a unit's image, variables and volumes, on this terminal.

    What the unit needs is brought up first; the unit itself need not run, and takes no port. The exit code
    is the command's.

    Examples: `nexus run order python -m order_service migrate` · `nexus run --no-deps order python -V`
    """
    from nexus_cli import workspace
    from nexus_cli.render import renderer
    from nexus_cli.stack.up import Select, bring_up, intend, make_ready, needed_by

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer("text") as emit, workspace.lock(folder, "run", emit, wait=lock_timeout):
        select: Select = (lambda _: []) if no_deps else partial(needed_by, name)
        intent = intend(found, environment, select, engine=engine)
        stack, unit = intent.stack, intent.stack.unit(name)
        if intent.plan.changed and not bring_up(intent, emit).ok:
            raise typer.Exit(1)
        if not stack.engine.prepared(unit) and not make_ready(stack, [name], emit).ok:
            raise typer.Exit(1)
    given = command[1:] if command and command[0] == "--" else command
    raise typer.Exit(stack.engine.run_once(unit, given or []))
