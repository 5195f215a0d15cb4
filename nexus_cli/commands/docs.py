"""nexus generate docs: the platform's documentation as web pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nexus_cli.commands.generate import ForceOption, in_workspace, show
from nexus_cli.commands.options import DryRun, Output, OutputOption


def generate_docs(
    folder: Annotated[Path, typer.Option("--folder", help="Where, from the workspace's root.")] = Path(
        "docs/platform"
    ),
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Write the platform's documentation: its map, every service and server, its events, and a runbook.

    Examples: `nexus generate docs` · `nexus generate docs --folder site --dry-run`
    """
    from nexus_cli.scaffold.docs import document
    from nexus_cli.scaffold.outcome import Choice

    with in_workspace("generate docs", dry_run=dry_run) as root:
        show(document(root, folder.as_posix(), Choice(force=force, dry_run=dry_run)), output)
