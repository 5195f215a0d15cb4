"""nexus import: descriptions in other tools' languages become blueprints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nexus_cli.commands.options import DryRun, Output, OutputOption

app = typer.Typer(no_args_is_help=True, help="Read other tools' files into blueprints.")


@app.callback()
def group() -> None:
    """Read other tools' files into blueprints."""


@app.command("compose")
def compose(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...", help="Compose files, a later one over those before; compose.yaml otherwise."
        ),
    ] = None,
    profiles: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME", help="Its services shall always run; '*' for all."),
    ] = None,
    env_files: Annotated[
        list[Path] | None, typer.Option("--env-file", metavar="FILE", help="Variables, in place of .env.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--project-directory", metavar="DIR", help="What paths in the files are relative to."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The platform's name, when it is new.")] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="The workspace; the one around you otherwise."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Write nothing, and fail, if a key is lost.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite files that differ; yours is kept beside it as NAME.orig."),
    ] = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Read compose files into components of a workspace, and say of each key what became of it.

    Examples: `nexus import compose` · `nexus import compose compose.yaml compose.prod.yaml --profile debug` ·
    `nexus import compose ../app/docker-compose.yml --into app --name app` · `nexus import compose --dry-run`
    """
    import os

    from nexus_cli.interchange.project import Choice
    from nexus_cli.interchange.workspace import default_files, import_compose
    from nexus_cli.render.interchange import show
    from nexus_cli.scaffold.describe import check_name
    from nexus_cli.workspace import around

    if name is not None:
        check_name(name, "platform")
    chosen = files or default_files(directory or Path.cwd())
    choice = Choice(chosen, profiles or [], env_files or [], directory, dict(os.environ))
    root = around(into)
    found = import_compose(choice, root, name=name, force=force, strict=strict, dry_run=dry_run)
    if output == Output.json:
        typer.echo(json.dumps(found.as_dict(), indent=2))
    else:
        show(found)
    raise typer.Exit(1 if strict and found.report.of("lost") else 0)
