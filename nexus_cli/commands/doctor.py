"""nexus doctor: whether this machine and this workspace have all that is needed."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from nexus_cli.commands.options import EnvironmentOption, Output, OutputOption


def doctor(environment: EnvironmentOption = "development", output: OutputOption = Output.text) -> None:
    """Check programs, the workspace, its blueprints, ports and stored files; each fault comes with its cure.

    Examples: `nexus doctor` · `nexus doctor -o json`
    """
    from nexus_cli.stack.doctor import diagnose

    checks = list(diagnose(environment))
    if output == Output.json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            typer.echo(
                f"{check.mark} {check.name}: {check.message}"
                + (f"\n  hint: {check.hint}" if check.hint else "")
            )
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)
