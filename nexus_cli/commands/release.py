"""nexus release: what was built once, and what one has that another has not."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nexus_cli.commands.options import DryRun, Output, OutputOption

app = typer.Typer(no_args_is_help=True, help="List, show, compare and tidy up releases.")
Version = Annotated[str, typer.Argument(metavar="VERSION", help="A release's version.")]


@app.command("list")
def list_(output: OutputOption = Output.text) -> None:
    """Show every release: when and from what it was made, where it serves, whether its code is still here.

    Examples: `nexus release list` · `nexus release list -o json`
    """
    from nexus_cli.release import artifact
    from nexus_cli.release.book import all_releases, serves
    from nexus_cli.render import releases
    from nexus_cli.render.tables import show
    from nexus_cli.workspace import find

    workspace = find()
    found, places, here = all_releases(workspace), serves(workspace), set(artifact.kept(workspace))
    kept = [v for v, r in found.items() if all((n, a.digest) in here for n, a in r.artifacts.items())]
    if output == Output.json:
        told = [
            {**release.as_dict(), "serves": places.get(version, []), "kept": version in kept}
            for version, release in found.items()
        ]
        typer.echo(json.dumps(told, indent=2))
        return
    show(releases.releases(found.values(), places, kept))


@app.command("show")
def show_(version: Version, output: OutputOption = Output.text) -> None:
    """Show a release: its commit, the code of each service, and its migrations.

    Examples: `nexus release show v1.3.0` · `nexus release show v1.3.0 -o json`
    """
    from nexus_cli.release.book import known_release
    from nexus_cli.render import releases
    from nexus_cli.workspace import find

    found = known_release(find(), version)
    text = json.dumps(found.as_dict(), indent=2)
    typer.echo(text if output == Output.json else "\n".join(releases.release(found)))


@app.command()
def prune(dry_run: DryRun = False, output: OutputOption = Output.text) -> None:
    """Remove code and images of releases that no environment serves or goes back to; deploying does so too.

    Examples: `nexus release prune --dry-run` · `nexus release prune`
    """
    from nexus_cli.blueprint.load import load
    from nexus_cli.release import retention
    from nexus_cli.release.book import book
    from nexus_cli.render import releases
    from nexus_cli.workspace import find

    workspace, ledger = find(), book(find())
    platform = load(workspace.root)
    images = [*retention.prune_images(workspace, platform, ledger, dry_run=dry_run)] if ledger else []
    act = retention.prunable if dry_run else retention.prune
    code = act(workspace, platform, ledger) if ledger else []
    if output == Output.json:
        gone: list[dict[str, str]] = [{"service": service, "digest": digest} for service, digest in code]
        gone += [{"image": name, "engine": one.where} for one in images for name in one.names]
        typer.echo(json.dumps(gone, indent=2))
        return
    typer.echo("\n".join(releases.pruned(code, images, dry_run=dry_run)) or "nothing to remove")


@app.command()
def diff(old: Version, new: Version, output: OutputOption = Output.text) -> None:
    """Show what the second release has that the first has not: services, migrations, APIs, blueprints.

    Examples: `nexus release diff v1.2.3 v1.3.0` · `nexus release diff v1.2.3 v1.3.0 -o json`
    """
    from dataclasses import replace

    from nexus_cli.release import interface
    from nexus_cli.release.book import known_release
    from nexus_cli.release.compare import compare
    from nexus_cli.render import releases
    from nexus_cli.workspace import find

    workspace = find()
    before, after = (known_release(workspace, version) for version in (old, new))
    found = replace(compare(before, after), apis=interface.differences(workspace, before, after))
    text = json.dumps(found.as_dict(), indent=2)
    typer.echo(text if output == Output.json else "\n".join(releases.difference(found)))
