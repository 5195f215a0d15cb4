"""nexus drift: what runs in an environment against what the ledger says."""

from __future__ import annotations

import json

import typer

from nexus_cli.commands.options import EnvironmentName, Output, OutputOption

DIFFERENT = 10


def drift(environment: EnvironmentName, output: OutputOption = Output.text) -> None:
    """Show what was changed by hand or went by itself; exit code 0: all is as deployed, 10: something is not.

    Examples: `nexus drift production` · `nexus drift staging -o json`
    """
    from nexus_cli.events import Summary
    from nexus_cli.release.drift import drift as found_in
    from nexus_cli.release.estate import estate
    from nexus_cli.render.tables import show
    from nexus_cli.workspace import find

    place = estate(find(), environment)
    found = found_in(place)
    if output == Output.json:
        typer.echo(json.dumps([one.as_dict() for one in found], indent=2))
    elif found:
        rows = tuple((one.unit, one.what, one.why) for one in found)
        show(Summary(place.title, ("unit", "drift", "why"), rows))
    else:
        typer.echo(f"{place.title} is as it was deployed")
    raise typer.Exit(DIFFERENT if found else 0)
