"""nexus generate: services and packages from blueprints and templates."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands.options import DryRun, Output, OutputOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nexus_cli.scaffold.outcome import Outcome
    from nexus_cli.stack.compose import Composed

app = typer.Typer(no_args_is_help=True, help="Generate services and packages; what you changed is kept.")

DataOption = Annotated[
    list[str] | None,
    typer.Option("--data", "-d", metavar="KEY=VALUE", help="Answer a question of the template."),
]
DefaultsOption = Annotated[
    bool, typer.Option("--defaults", help="Ask nothing: take the default where no answer is given.")
]
TitleOption = Annotated[str, typer.Option("--title", help="The name for people.")]
TemplateOption = Annotated[
    str | None,
    typer.Option("--template", metavar="SOURCE", help="Your own Copier template: a folder or a git URL."),
]
RefOption = Annotated[
    str | None,
    typer.Option("--vcs-ref", metavar="REF", help="Its tag, branch or commit; the latest tag otherwise."),
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Let that template run its commands and load its code.")
]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Overwrite what you changed too; yours is kept beside it as NAME.orig."),
]


@app.command("app")
def generate_app(
    name: Annotated[str, typer.Argument(help="The service's name, such as order.")],
    kind: Annotated[
        str | None, typer.Option("--type", "-t", help="Its type; fastapi when it is new.")
    ] = None,
    uses: Annotated[
        str | None,
        typer.Option("--uses", metavar="NAMES", help="What it uses: postgres,redis; or none."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="A free one otherwise.")
    ] = None,
    title: TitleOption = "",
    data: DataOption = None,
    defaults: DefaultsOption = False,
    template: TemplateOption = None,
    vcs_ref: RefOption = None,
    trust: TrustOption = False,
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Generate a service from its blueprint, which is written first where there is none.

    Examples: `nexus generate app order` · `nexus generate app my-service --type fastapi --uses none` ·
    `nexus generate app order --dry-run` · `nexus generate app order --template ../ours --vcs-ref v2`
    """
    from nexus_cli.scaffold import outcome
    from nexus_cli.scaffold.app import generate_app as generate

    answers, ask = outcome.parse_data(data or []), not defaults and sys.stdin.isatty()
    choice = outcome.Choice(template, vcs_ref, trust, ask, answers, force, dry_run)
    used = None if uses is None else outcome.parse_uses(uses)
    with _workspace(f"generate app {name}", dry_run=dry_run) as root:
        show(generate(root, name, choice, kind=kind, uses=used, port=port, title=title), output)


@app.command("package")
def generate_package(
    name: Annotated[str, typer.Argument(metavar="[@SCOPE/]NAME", help="The package's name.")],
    kind: Annotated[
        str | None, typer.Option("--type", "-t", help="library or react; library when it is new.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--lang", help="python, typescript or go; its type's own otherwise.")
    ] = None,
    title: TitleOption = "",
    data: DataOption = None,
    defaults: DefaultsOption = False,
    template: TemplateOption = None,
    vcs_ref: RefOption = None,
    trust: TrustOption = False,
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Generate a shared package from its blueprint, which is written first where there is none.

    The generated services that its blueprint names in `users` are generated again, so that they depend on it.

    Examples: `nexus generate package @nexus/my-lib --type library` ·
    `nexus generate package money --lang go` · `nexus generate package @acme/ui --type react`
    """
    from nexus_cli.scaffold import outcome
    from nexus_cli.scaffold.package import generate_package as generate

    answers, ask = outcome.parse_data(data or []), not defaults and sys.stdin.isatty()
    choice = outcome.Choice(template, vcs_ref, trust, ask, answers, force, dry_run)
    with _workspace(f"generate package {name}", dry_run=dry_run) as root:
        show(generate(root, name, choice, kind=kind, language=language, title=title), output)


@app.command("compose")
def generate_compose(
    file: Annotated[Path, typer.Option("--file", "-f", help="Where, from the workspace's root.")] = Path(
        "compose.yaml"
    ),
    force: ForceOption = False,
    dry_run: DryRun = False,
) -> None:
    """Write the platform as a Docker Compose file; its secrets go to .env beside it, mode 0600.

    Examples: `nexus generate compose` · `nexus generate compose --file deploy/compose.yaml` ·
    `nexus generate compose --dry-run`
    """
    from nexus_cli.stack import compose
    from nexus_cli.workspace import Workspace

    with _workspace("generate compose", dry_run=dry_run) as root:
        composed = compose.generate(Workspace(root), file)
        if dry_run:
            compose.refuse_conflict(composed, force=force)
        else:
            compose.lay_down(composed, force=force)
    show_composed(composed, dry_run=dry_run)


def show_composed(composed: Composed, *, dry_run: bool) -> None:
    """The file and the variables on standard output; what is missing on standard error."""
    typer.echo(f"{composed.change.status:<8} {composed.change.path}")
    for name in composed.lacking:
        typer.echo(f"{'added':<8} {composed.env_file.name}: {name}")
    for name in composed.unset:
        typer.echo(f"note: {name} has no value; add it to {composed.env_file}", err=True)
    if dry_run:
        typer.echo("dry run: nothing was written", err=True)
        return
    typer.echo(
        f"next: docker compose -f {composed.env_file.parent / composed.change.path} up -d --wait", err=True
    )


@contextlib.contextmanager
def _workspace(command: str, *, dry_run: bool) -> Iterator[Path]:
    """The workspace's root, in which no other command that writes files works meanwhile."""
    from nexus_cli import workspace
    from nexus_cli.render import renderer

    found = workspace.find()
    if dry_run:
        yield found.root
        return
    with renderer("text") as emit, workspace.lock(found.state, command, emit):
        yield found.root


def show(outcome: Outcome, output: Output) -> None:
    """The changes on standard output; what to know and to do next on standard error."""
    from nexus_cli.scaffold.outcome import listing

    if output == Output.json:
        typer.echo(json.dumps(outcome.as_dict(), indent=2))
        return
    typer.echo(listing(outcome, tree=sys.stdout.isatty()))
    for note in outcome.notes:
        typer.echo(f"note: {note}", err=True)
    if outcome.dry_run:
        typer.echo("dry run: nothing was written", err=True)
        return
    for step in outcome.next:
        typer.echo(f"next: {step}", err=True)
