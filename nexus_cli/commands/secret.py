"""nexus secret: values of the secrets that blueprints name."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption

app = typer.Typer(
    no_args_is_help=True, help="Give, list and remove the values of secrets; they stay outside git."
)


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="The name in a blueprint's `secrets`.")],
    environment: EnvironmentOption = "development",
) -> None:
    """Keep a secret's value, read from a hidden prompt or from standard input; never from the command line.

    Examples: `nexus secret set STRIPE_API_KEY` · `pass show stripe | nexus secret set STRIPE_API_KEY`
    """
    from nexus_cli.errors import UsageError
    from nexus_cli.secrets.store import store
    from nexus_cli.workspace import find

    folder = find().environment_state(environment)
    value = (
        typer.prompt(name, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read().rstrip("\n")
    )
    if not value:
        raise UsageError(f"{name}: the value is empty", hint="type it, or pipe it in")
    store(folder, name, value)


@app.command("list")
def list_(environment: EnvironmentOption = "development") -> None:
    """List the names of all secrets and whether each has a value; values are never shown.

    Examples: `nexus secret list`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.secrets.store import resolve, stand_ins
    from nexus_cli.workspace import find

    found = find()
    platform = load(found.root)
    folder = found.environment_state(environment)
    values = resolve(folder, platform)
    generated = stand_ins(folder, platform, environment, values)
    for name in sorted({name for unit in platform.units for name in unit.secrets}):
        users = ", ".join(unit.name for unit in platform.units if name in unit.secrets)
        state = "given" if name in values else "generated" if name in generated else "missing"
        typer.echo(f"{name}  {state}  ({users})")


@app.command("unset")
def unset(
    name: Annotated[str, typer.Argument(help="The name of the secret.")],
    environment: EnvironmentOption = "development",
) -> None:
    """Forget a secret's value.

    Examples: `nexus secret unset STRIPE_API_KEY`
    """
    from nexus_cli.secrets.store import store
    from nexus_cli.workspace import find

    store(find().environment_state(environment), name, None)
