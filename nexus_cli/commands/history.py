"""nexus history, unlock, audit: what happened, by whom and why, and whether that can be believed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentName, Output, OutputOption, ReasonOption

audit = typer.Typer(no_args_is_help=True, help="Whether the ledger can be believed.")


def history(
    environment: EnvironmentName,
    steps: Annotated[bool, typer.Option("--steps", help="Each run with its steps.")] = False,
    last: Annotated[int, typer.Option("--last", "-n", help="Only so many, the newest.", min=1)] = 20,
    output: OutputOption = Output.text,
) -> None:
    """Show what was done in an environment: which release, by whom, why, how it ended and how long it took.

    Examples: `nexus history staging` · `nexus history staging -o json` ·
    `nexus history production --steps -n 1`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.release.book import runs
    from nexus_cli.release.estate import environment_of
    from nexus_cli.render import releases
    from nexus_cli.render.tables import show
    from nexus_cli.workspace import find

    workspace = find()
    found = runs(workspace, environment)[-last:]
    if not found:
        environment_of(load(workspace.root), environment)  # a wrong name is not an empty history
    if output == Output.json:
        typer.echo(json.dumps([run.as_dict() for run in found], indent=2))
        return
    show(releases.history(environment, found))
    for run in found if steps else ():
        if run.steps:
            typer.echo(f"\n{run.number} {run.action} {run.version}")
            show(releases.steps(run))


def unlock(environment: EnvironmentName, reason: ReasonOption = "") -> None:
    """Take an environment's lock from a command that is gone for good; who did so and why is kept.

    If that command still lives after all, it can write nothing more and ends.

    Examples: `nexus unlock staging --reason "the runner was shut down"`
    """
    from nexus_cli.errors import UsageError
    from nexus_cli.release import lock
    from nexus_cli.release.book import book
    from nexus_cli.workspace import find

    if not reason.strip():
        raise UsageError("why? it is kept in the ledger", hint="--reason …")
    ledger = book(find())
    found = lock.unlock(ledger, environment, reason) if ledger else None
    typer.echo(f"taken from {found}" if found else f"nobody holds {environment}")


@audit.command()
def verify(
    head: Annotated[
        str, typer.Option(help="A hash that an earlier verify printed: whether that entry is still there.")
    ] = "",
    output: OutputOption = Output.text,
) -> None:
    """Check that no entry of the ledger was changed, removed or inserted; exit code 1 if one was.

    Examples: `nexus audit verify` · `nexus audit verify --head 9f2c…` · `nexus audit verify -o json`
    """
    from nexus_cli.release.book import book
    from nexus_cli.release.ledger import GENESIS, Verdict
    from nexus_cli.workspace import find

    ledger = book(find())
    found = ledger.verify(head) if ledger else Verdict(0, GENESIS, ())
    if output == Output.json:
        typer.echo(
            json.dumps({"entries": found.entries, "head": found.head, "faults": found.faults}, indent=2)
        )
    else:
        typer.echo(
            "\n".join(found.faults) or f"{found.entries} entries, none changed; the last is {found.head}"
        )
    raise typer.Exit(1 if found.faults else 0)
