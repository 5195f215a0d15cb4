"""nexus list, show and graph: what the blueprints describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nexus_cli.commands.options import GraphFormat, GraphView, OneName, Output, OutputOption


def list_(output: OutputOption = Output.text) -> None:
    """List services, components, packages and environments.

    Examples: `nexus list` · `nexus list -o json`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.render.describe import inventory, inventory_data
    from nexus_cli.render.tables import show as show_table
    from nexus_cli.workspace import find

    platform = load(find().root)
    if output == Output.json:
        typer.echo(json.dumps(inventory_data(platform), indent=2))
    else:
        show_table(inventory(platform))


def show(name: OneName, output: OutputOption = Output.text) -> None:
    """Show one service, component or package with its defaults, what it needs and who needs it.

    Examples: `nexus show order` · `nexus show postgres -o json`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.render.describe import details, details_text
    from nexus_cli.workspace import find

    found = details(load(find().root), name)
    typer.echo(json.dumps(found, indent=2) if output == Output.json else details_text(found))


def graph(
    form: Annotated[
        GraphFormat, typer.Option("--format", "-f", help="How it is written.")
    ] = GraphFormat.text,
    view: Annotated[
        GraphView,
        typer.Option("--view", help="Everything, calls between services, use of servers, or events."),
    ] = GraphView.all,
    file: Annotated[
        Path | None, typer.Option("--write", help="Write it to this file instead of printing it.")
    ] = None,
) -> None:
    """Draw which service needs which service or component, and which events flow between them.

    The form html is one page to explore in a browser; it has all of the views.

    Examples: `nexus graph` · `nexus graph -f mermaid --view events` ·
    `nexus graph -f svg --write docs/services.svg` · `nexus graph -f html --write map.html`
    """
    from nexus_generators.graph import draw

    from nexus_cli.blueprint.load import load
    from nexus_cli.workspace import find, write_atomic

    text = draw(load(find().root), form.value, view.value)
    if file is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(file, text)
