"""nexus schema: the blueprint language as JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def schema(
    file: Annotated[
        Path | None, typer.Option("--write", help="Write it to this file instead of printing it.")
    ] = None,
) -> None:
    """Print the JSON Schema of blueprints, so that an editor completes and checks them.

    Examples: `nexus schema` · `nexus schema --write .vscode/blueprint.schema.json`
    """
    from nexus_cli.blueprint.schema import json_schema
    from nexus_cli.workspace import write_atomic

    text = json.dumps(json_schema(), indent=2) + "\n"
    if file is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(file, text)
