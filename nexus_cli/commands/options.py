"""Options that several commands share, so that they are spelled and explained the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How a command answers: for a person or for a program."""

    text = "text"
    json = "json"


class GraphFormat(StrEnum):
    """How a graph is written."""

    text = "text"
    mermaid = "mermaid"
    svg = "svg"
    json = "json"
    html = "html"


class GraphView(StrEnum):
    """What a graph shows."""

    all = "all"
    services = "services"
    data = "data"
    events = "events"


def complete_units(incomplete: str) -> list[str]:
    """Names of services and components for shell completion."""
    from nexus_cli.blueprint.load import load
    from nexus_cli.errors import NexusError
    from nexus_cli.workspace import find

    try:
        platform = load(find().root)
    except NexusError:
        return []
    return sorted(n for n in (*platform.services, *platform.components) if n.startswith(incomplete))


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...",
        help="Services or components; all when none is named.",
        autocompletion=complete_units,
    ),
]
OneName = Annotated[
    str, typer.Argument(metavar="NAME", help="A service or component.", autocompletion=complete_units)
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="Text for people, or JSON for programs.")
]
EnvironmentOption = Annotated[
    str, typer.Option("--env", "-e", help="The environment.", envvar="NEXUS_ENVIRONMENT")
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="docker|process",
        help="Containers, or processes of this machine (NEXUS_ENGINE says so for all commands); by default "
        "what the environment says, else Docker where an engine answers.",
        autocompletion=lambda: ["docker", "process"],
    ),
]
ProfileOption = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        help="Start what belongs to this profile too; `*` means every one. May be given again.",
        envvar="NEXUS_PROFILES",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


def complete_environments(incomplete: str) -> list[str]:
    """Names of described environments for shell completion."""
    from nexus_cli.blueprint.load import load
    from nexus_cli.errors import NexusError
    from nexus_cli.workspace import find

    try:
        return sorted(name for name in load(find().root).environments if name.startswith(incomplete))
    except NexusError:
        return []


EnvironmentName = Annotated[
    str,
    typer.Argument(
        metavar="ENVIRONMENT", help="A described environment.", autocompletion=complete_environments
    ),
]
VersionOption = Annotated[str | None, typer.Option("--version", "-v", help="The release's version.")]
ServicesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--service", "-s", help="Only this service; may be given again.", autocompletion=complete_units
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the ledger.")]
StrategyOption = Annotated[
    str | None,
    typer.Option(help="rolling, blue-green, canary or recreate, in place of the blueprints' own."),
]
BreakGlassOption = Annotated[
    str, typer.Option(help="Deploy in spite of a freeze or a missing approval; say why.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
WaitOption = Annotated[
    float, typer.Option("--wait", help="Seconds to wait for another deployment to end.", min=0)
]
LockTimeout = Annotated[
    float, typer.Option("--lock-timeout", help="Seconds to wait for another nexus command to end.", min=0)
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", help="A folder inside the workspace to work on.", envvar="NEXUS_WORKSPACE"
    ),
]
