"""What `up` and `down` do, however they are asked: the plainest forms come here without a command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_cli import workspace
from nexus_cli.render import renderer
from nexus_cli.workspace import DEFAULT_ENVIRONMENT

if TYPE_CHECKING:
    from nexus_cli.apply import Outcome

PATIENCE = 600.0
"""Seconds to wait for another nexus command to end."""


def up(
    names: Sequence[str] = (),
    *,
    profiles: Sequence[str] = (),
    free_ports: bool = False,
    dry_run: bool = False,
    engine: str | None = None,
    environment: str = DEFAULT_ENVIRONMENT,
    output: str = "text",
    patience: float = PATIENCE,
) -> int:
    """Start the platform, or the named services with all that they need; the exit code."""
    from nexus_cli.render.status import overview
    from nexus_cli.stack.up import bring_up, intend

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer(output) as emit, workspace.lock(folder, "up", emit, wait=patience):
        intent = intend(
            found,
            environment,
            lambda stack: stack.subset(names, profiles),
            free_ports=free_ports,
            check=not dry_run,
            engine=engine,
        )
        if dry_run:
            sys.stdout.write(f"{intent.plan}\n")
            return 0
        outcome = bring_up(intent, emit)
        emit(overview(intent.stack, intent.units))
    return outcome.exit_code


def down(
    names: Sequence[str] = (),
    *,
    volumes: bool = False,
    orphans: bool = False,
    environment: str = DEFAULT_ENVIRONMENT,
    output: str = "text",
    patience: float = PATIENCE,
) -> int:
    """Stop the platform, or the named services, or what is described no more; the exit code."""
    from nexus_cli.release.leave import leaving
    from nexus_cli.stack.down import bring_down

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer(output) as emit, workspace.lock(folder, "down", emit, wait=patience):
        title = f"down {found.root.name}/{environment}"
        known = None
        if orphans:
            from nexus_cli.release.standing import standing

            known = [unit.name for unit in standing(found, environment).units]

        def take_down() -> Outcome:
            return bring_down(folder, title, names, emit, volumes=volumes, described=known)

        flags = {"volumes": volumes, "orphans": orphans}
        outcome = leaving(found, environment, names, emit, take_down, patience=patience, **flags)
    return outcome.exit_code
