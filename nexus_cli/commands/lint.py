"""nexus lint: every fault of every blueprint, at once."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nexus_cli.commands.options import Output, OutputOption


def lint(
    output: OutputOption = Output.text,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="RULE", help="Say what a rule is for.")
    ] = None,
) -> None:
    """Check all blueprints; every finding has file, line, column and a hint. Exit code 2 on errors.

    Examples: `nexus lint` · `nexus lint --strict -o json` · `nexus lint --explain port-taken`
    """
    from nexus_cli.blueprint.rules import explain as explained
    from nexus_cli.blueprint.rules import find_all
    from nexus_cli.render.findings import as_dict, lines
    from nexus_cli.workspace import find

    if explain is not None:
        typer.echo(explained(explain))
        return
    findings = find_all(find().root)
    if output == Output.json:
        typer.echo(json.dumps([as_dict(finding) for finding in findings], indent=2))
    else:
        typer.echo("\n".join(lines(findings)))
    bad = {"error", "warning"} if strict else {"error"}
    raise typer.Exit(2 if any(finding.severity in bad for finding in findings) else 0)
