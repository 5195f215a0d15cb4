"""The stack of an environment as it is: of what is released where it is deployed to, else of this folder."""

from __future__ import annotations

from nexus_cli.stack.stack import Stack, assemble, deployed
from nexus_cli.workspace import Workspace


def standing(workspace: Workspace, environment: str) -> Stack:
    """What runs, or would run, in an environment: what every command that looks at it wants."""
    if not deployed(workspace, environment):
        return assemble(workspace, environment)
    from nexus_cli.release.estate import estate

    return estate(workspace, environment).stack()
