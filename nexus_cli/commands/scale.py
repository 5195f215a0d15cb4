"""nexus scale: how many replicas of a service run, and the gateway follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Annotated

import typer

from nexus_cli.commands.options import DryRun, EnvironmentOption, LockTimeout, Output, OutputOption


def scale(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE=COUNT]...", help="How many replicas of which services."),
    ] = None,
    dry_run: DryRun = False,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
    lock_timeout: LockTimeout = 600,
) -> None:
    """Run more or fewer replicas of services until `nexus down`; without arguments, say how many there are.

    A replica that goes gets no new requests from the gateway first, then ends those that it has.

    Examples: `nexus scale analytics=3` · `nexus scale order=2 catalog=0` · `nexus scale`
    """
    from nexus_cli import workspace
    from nexus_cli.render import renderer
    from nexus_cli.render.status import overview
    from nexus_cli.stack.scale import parsed
    from nexus_cli.stack.stack import assemble
    from nexus_cli.stack.up import bring_up, intend, replicas_of

    found = workspace.find()
    folder = found.environment_state(environment)
    if not wanted:
        _show(assemble(found, environment).bindings.replicas, output)
        return
    with renderer(output) as emit, workspace.lock(folder, "scale", emit, wait=lock_timeout):
        counts = parsed(wanted)
        select = partial(replicas_of, counts)
        intent = intend(found, environment, select, check=not dry_run, replicas=counts)
        if dry_run:
            typer.echo(str(intent.plan))
            return
        outcome = bring_up(intent, emit)
        emit(overview(intent.stack, intent.units))
    raise typer.Exit(outcome.exit_code)


def _show(counts: Mapping[str, int], output: Output) -> None:
    if output == Output.json:
        typer.echo(json.dumps(dict(counts), indent=2))
        return
    for name, count in counts.items():
        typer.echo(f"{name}={count}")
