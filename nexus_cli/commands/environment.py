"""nexus env: the environments that are described, and what serves in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from nexus_cli.commands.options import EnvironmentName, Output, OutputOption

if TYPE_CHECKING:
    from nexus_cli.release.compare import Place

app = typer.Typer(no_args_is_help=True, help="List, show and compare environments.")


@app.command("list")
def list_(output: OutputOption = Output.text) -> None:
    """Show every environment with what serves in it and what was done there last.

    Examples: `nexus env list` · `nexus env list -o json`
    """
    from nexus_cli.render import releases
    from nexus_cli.render.tables import show

    found = _places()
    if output == Output.json:
        typer.echo(json.dumps({place.name: dict(place.facts) for place in found}, indent=2))
        return
    show(releases.environments(found))


@app.command("show")
def show_(environment: EnvironmentName, output: OutputOption = Output.text) -> None:
    """Show an environment: its rules, variables, replicas, the names of its secrets, and what serves in it.

    Examples: `nexus env show production` · `nexus env show production -o json`
    """
    from nexus_cli.render import releases

    (found,) = _places(environment)
    text = json.dumps(dict(found.facts), indent=2)
    typer.echo(text if output == Output.json else "\n".join(releases.environment(found)))


@app.command()
def diff(one: EnvironmentName, other: EnvironmentName, output: OutputOption = Output.text) -> None:
    """Show where two environments differ, in their rules and in what serves.

    Examples: `nexus env diff staging production` · `nexus env diff staging production -o json`
    """
    from nexus_cli.release.compare import differences
    from nexus_cli.render import releases
    from nexus_cli.render.tables import show

    first, second = _places(one, other)
    if output == Output.json:
        told = {name: {one: mine, other: theirs} for name, mine, theirs in differences(first, second)}
        typer.echo(json.dumps(told, indent=2))
        return
    show(releases.between(first, second))


def _places(*names: str) -> list[Place]:
    from nexus_cli.blueprint.load import load
    from nexus_cli.release.book import environment
    from nexus_cli.workspace import find

    workspace = find()
    platform = load(workspace.root)
    return [environment(workspace, platform, name) for name in names or sorted(platform.environments)]
