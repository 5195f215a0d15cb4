"""nexus generate docs: the platform's documentation as web pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands.documents import told
from nexus_cli.commands.generate import ForceOption, in_workspace, show
from nexus_cli.commands.options import DryRun, Output, OutputOption

if TYPE_CHECKING:
    from nexus_generators.generator import Files


def generate_docs(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where; docs/platform, or docs/api of a document, otherwise."),
    ] = None,
    spec: Annotated[
        str, typer.Option("--spec", "-s", metavar="FILE|URL", help="The reference of an OpenAPI document.")
    ] = "",
    apis: Annotated[
        bool, typer.Option("--apis", help="With each service's API: as it runs, or else as its code says.")
    ] = False,
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Write the platform's documentation, or the reference of an OpenAPI document, as web pages.

    Examples: `nexus generate docs` · `nexus generate docs --apis` ·
    `nexus generate docs --folder site --dry-run` ·
    `nexus generate docs --spec openapi.yaml --folder docs/shop`
    """
    if spec:
        from nexus_cli.sdk import source
        from nexus_cli.sdk.generate import reference

        place = folder or Path("docs/api")
        changes = reference(source.read(spec), place, force=force, dry_run=dry_run)
        if output == Output.json:
            typer.echo(json.dumps([{"path": c.path, "status": c.status} for c in changes], indent=2))
            return
        typer.echo(f"{place}: {len(changes)} files")
        typer.echo(f"next: open {place}/index.html in a browser", err=True)
        return
    from nexus_cli.scaffold.docs import document
    from nexus_cli.scaffold.outcome import Choice

    references = _references() if apis else None
    where = (folder or Path("docs/platform")).as_posix()
    with in_workspace("generate docs", dry_run=dry_run) as root:
        show(document(root, where, Choice(force=force, dry_run=dry_run), references), output)


def _references() -> dict[str, Files]:
    """The pages of every service's API: what runs is asked, else its code."""
    from nexus_cli.sdk.generate import pages

    with told("generate docs", (), "development", everything=True) as found:
        documents = found.documents
    return {name: pages(document, home=f"../{name}.html") for name, document in documents.items()}
