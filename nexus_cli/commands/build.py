"""nexus build: what units run on is built and fetched, and nothing is started."""

from __future__ import annotations

import typer

from nexus_cli.commands.options import (
    EngineOption,
    EnvironmentOption,
    LockTimeout,
    Names,
    Output,
    OutputOption,
)


def build(
    names: Names = None,
    engine: EngineOption = None,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
    lock_timeout: LockTimeout = 600,
) -> None:
    """Build images or environments of services, and fetch those of components, that `up` would need.

    Examples: `nexus build` · `nexus build order --engine docker`
    """
    from nexus_cli import workspace
    from nexus_cli.render import renderer
    from nexus_cli.stack.stack import assemble
    from nexus_cli.stack.up import make_ready

    found = workspace.find()
    folder = found.environment_state(environment)
    with renderer(output) as emit, workspace.lock(folder, "build", emit, wait=lock_timeout):
        outcome = make_ready(assemble(found, environment, engine=engine), names or [], emit)
    raise typer.Exit(outcome.exit_code)
