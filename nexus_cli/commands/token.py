"""nexus token: a development token that the local gateway accepts."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption


def token(
    subject: Annotated[str, typer.Argument(help="Whom the token speaks for.")] = "developer",
    claim: Annotated[
        list[str] | None, typer.Option("--claim", "-c", metavar="NAME=VALUE", help="A further claim.")
    ] = None,
    lifetime: Annotated[int, typer.Option(help="Seconds until it expires.", min=1)] = 3600,
    environment: EnvironmentOption = "development",
) -> None:
    """Print a token signed with this workspace's development key; the local gateway accepts it.

    Examples: `curl -H "Authorization: Bearer $(nexus token ada)" http://127.0.0.1:3000/api/v1/orders`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.tokens import DevelopmentKeys, parse_claims
    from nexus_cli.workspace import find

    found = find()
    accepted = load(found.root).spec.gateway.jwt
    keys = DevelopmentKeys(found.environment_state(environment) / "keys")
    claims = parse_claims(claim or [])
    typer.echo(
        keys.token(
            subject, issuer=accepted.issuer, audience=accepted.audience, claims=claims, lifetime=lifetime
        )
    )
