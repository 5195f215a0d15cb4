"""nexus deploy, rollback: one release takes another's place, and the other way round."""

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
    VersionOption,
    WaitOption,
    YesOption,
)


def deploy(
    environment: EnvironmentName,
    version: VersionOption = None,
    service: ServicesOption = None,
    strategy: StrategyOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with one that was broken off.")] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Release what is not committed too.")
    ] = False,
    reason: ReasonOption = "",
    break_glass: BreakGlassOption = "",
    yes: YesOption = False,
    dry_run: DryRun = False,
    engine: EngineOption = None,
    wait: WaitOption = 0,
    output: OutputOption = Output.text,
) -> None:
    """Bring a release into an environment without losing a request; what fails is taken back by itself.

    The release is what is checked out, named after its tag or commit, or with --version one that there is.

    Examples: `nexus deploy staging` · `nexus deploy production --service auth-service` ·
    `nexus deploy production --version v1.3.0 --strategy canary` · `nexus deploy staging --dry-run`
    """
    from nexus_cli import ship

    order = ship.Order(
        environment=environment,
        version=version,
        services=tuple(service or ()),
        strategy=strategy,
        reason=reason,
        engine=engine,
        break_glass=break_glass,
        dirty=allow_dirty,
        yes=yes,
        dry_run=dry_run,
        wait=wait,
        output=output,
    )
    raise typer.Exit(ship.resume(order) if resume else ship.deploy(order))


def rollback(
    environment: EnvironmentName,
    version: VersionOption = None,
    service: ServicesOption = None,
    accept_data_loss: Annotated[
        bool, typer.Option("--accept-data-loss", help="Go back over a migration that cannot be undone.")
    ] = False,
    reason: ReasonOption = "",
    yes: YesOption = False,
    plan: Annotated[
        bool, typer.Option("--plan", "--dry-run", help="Show what would be restored, and do nothing.")
    ] = False,
    wait: WaitOption = 0,
    output: OutputOption = Output.text,
) -> None:
    """Bring back what served before: code, configuration, variables and routes.

    By default that is the last good release.

    Examples: `nexus rollback production` · `nexus rollback production --version v1.2.3` ·
    `nexus rollback staging --service order --plan`
    """
    from nexus_cli import ship

    order = ship.Order(
        environment=environment,
        version=version,
        services=tuple(service or ()),
        reason=reason,
        yes=yes,
        dry_run=plan,
        wait=wait,
        output=output,
        data_loss=accept_data_loss,
    )
    raise typer.Exit(ship.rollback(order))
