"""nexus logs: what the units printed, merged in time order."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption, Names


def logs(
    names: Names = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Only lines from this time on: 90s, 5m, 2h, or an ISO date and time.")
    ] = None,
    tail: Annotated[int | None, typer.Option("--tail", "-n", min=0, help="Only the last lines.")] = None,
    grep: Annotated[
        str | None, typer.Option(help="Only lines in which this regular expression is found.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="A JSON object a line: time, unit, stream, text.")
    ] = False,
    environment: EnvironmentOption = "development",
) -> None:
    """Show the logs of all or of the named services and components, oldest first; they survive restarts.

    Examples: `nexus logs` · `nexus logs order -f` · `nexus logs --since 5m --grep 'ERROR|error'`
    """
    from nexus_cli import workspace
    from nexus_cli.render.logs import matching, moment, printer
    from nexus_cli.stack.engines import engine_in_use
    from nexus_cli.stack.stack import log_names

    found = workspace.find()
    folder = found.environment_state(environment)
    show = printer(json_=json_)
    running = engine_in_use(folder, environment)
    lines = running.logs(
        log_names(found.root, folder, running, names or []),
        since=moment(since),
        tail=None if grep else tail,
        follow=follow,
    )
    with contextlib.suppress(KeyboardInterrupt):
        for line in matching(lines, grep, tail):
            show(line)
