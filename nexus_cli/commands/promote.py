"""nexus promote, approve: a release that proved itself goes on to the next environment."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_cli.commands.options import (
    BreakGlassOption,
    DryRun,
    EngineOption,
    EnvironmentName,
    Output,
    OutputOption,
    ReasonOption,
    ServicesOption,
    StrategyOption,
    WaitOption,
    YesOption,
)


def promote(
    source: EnvironmentName,
    environment: EnvironmentName,
    service: ServicesOption = None,
    strategy: StrategyOption = None,
    reason: ReasonOption = "",
    break_glass: BreakGlassOption = "",
    yes: YesOption = False,
    dry_run: DryRun = False,
    engine: EngineOption = None,
    wait: WaitOption = 0,
    output: OutputOption = Output.text,
) -> None:
    """Deploy to the second environment what serves in the first: the same releases, never built again.

    Replicas, variables and secrets are those of the second.

    Examples: `nexus promote staging production` · `nexus promote staging production --service order` ·
    `nexus promote staging production --dry-run`
    """
    from nexus_cli import ship

    order = ship.Order(
        environment=environment,
        services=tuple(service or ()),
        strategy=strategy,
        reason=reason,
        engine=engine,
        break_glass=break_glass,
        yes=yes,
        dry_run=dry_run,
        wait=wait,
        output=output,
    )
    raise typer.Exit(ship.promote(order, source))


def approve(
    environment: EnvironmentName,
    version: Annotated[str, typer.Option("--version", "-v", help="The release's version.")],
    reason: ReasonOption = "",
) -> None:
    """Agree to a release in an environment that asks for it; who deploys must be somebody else.

    Examples: `nexus approve production --version v1.3.0 --reason "seen in staging"`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.release.gates import approve as agree
    from nexus_cli.workspace import find

    workspace = find()
    who = agree(workspace, load(workspace.root), environment, version, reason)
    typer.echo(f"{who} agrees to {version} in {environment}")
