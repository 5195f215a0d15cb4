"""nexus images: the images that a platform is made of, with a registry or without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands.options import DryRun, EnvironmentOption, Output, OutputOption

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient
    from nexus_cli.stack.images import Needed
    from nexus_cli.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="List, pull, build, save and load the images of a platform.")
ImageNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...", help="Bases (python) or components (postgres); all when none is named."
    ),
]


@app.command("list")
def list_(
    names: ImageNames = None,
    environment: EnvironmentOption = "development",
    output: OutputOption = Output.text,
) -> None:
    """Show each image that the platform needs, whether the engine has it, and whether it can be built here.

    Examples: `nexus images list` · `nexus images list -e staging -o json`
    """
    from nexus_cli.render.images import table
    from nexus_cli.render.tables import show
    from nexus_cli.stack.images import report

    found = list(report(_engine(environment), _wanted(names)))
    if output == Output.json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show(table(found))


@app.command()
def build(
    names: ImageNames = None,
    environment: EnvironmentOption = "development",
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Make images from the distribution's packages and from wheels, where no registry is reached.

    Examples: `nexus images build` · `nexus images build python postgres` · `nexus images build --dry-run`
    """
    from nexus_cli.render import renderer
    from nexus_cli.stack import images

    wanted = _wanted(names)
    for image in wanted:
        if not image.recipe:
            typer.echo(f"no recipe for {image.reference}: pull it", err=True)
    if dry_run:
        typer.echo("\n".join(f"* build {image.reference}" for image in wanted if image.recipe))
        return
    with renderer(output) as emit:
        outcome = images.build(_engine(environment), wanted, emit)
    raise typer.Exit(outcome.exit_code)


@app.command()
def pull(
    names: ImageNames = None,
    environment: EnvironmentOption = "development",
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Pull images from their registries, several at once.

    Examples: `nexus images pull` · `nexus images pull postgres`
    """
    from nexus_cli.render import renderer
    from nexus_cli.stack import images

    wanted = _wanted(names)
    if dry_run:
        typer.echo("\n".join(f"* pull {image.reference}" for image in wanted))
        return
    with renderer(output) as emit:
        outcome = images.pull(_engine(environment), wanted, emit)
    raise typer.Exit(outcome.exit_code)


@app.command()
def save(
    file: Annotated[Path, typer.Argument(help="The archive; .tar or .tar.gz.")],
    names: ImageNames = None,
    environment: EnvironmentOption = "development",
) -> None:
    """Write images into one archive, to carry them to a machine without a registry.

    Examples: `nexus images save images.tar.gz` · `nexus images save python.tar python`
    """
    from nexus_cli.stack import images

    wanted = _wanted(names)
    size = images.save(_engine(environment), wanted, file)
    typer.echo(f"{file}: {len(wanted)} images, {size / (1 << 20):.0f} MiB", err=True)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="An archive that `nexus images save` wrote.")],
    environment: EnvironmentOption = "development",
) -> None:
    """Load the images of an archive into the engine.

    Examples: `nexus images load images.tar.gz` · `nexus images load images.tar.gz -e production`
    """
    from nexus_cli.engine.docker.images import load as load_archive

    for line in load_archive(_engine(environment), file):
        typer.echo(line, err=True)


def _wanted(names: list[str] | None) -> list[Needed]:
    from nexus_cli.stack.images import wanted

    workspace = _workspace()
    return wanted(workspace.root if workspace else None, names or [])


def _engine(environment: str) -> DockerClient:
    """The engine that the environment runs on, or will."""
    from nexus_cli.engine.docker.client import connect
    from nexus_cli.stack.engines import docker_of

    return connect(docker_of(_workspace(), environment))


def _workspace() -> Workspace | None:
    from nexus_cli.errors import UsageError
    from nexus_cli.workspace import find

    try:
        return find()
    except UsageError:
        return None  # images can be made where no platform is
