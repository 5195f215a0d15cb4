"""nexus generate: services and packages from blueprints and templates, and additions to blueprints."""

from __future__ import annotations

import contextlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands import sdk
from nexus_cli.commands.options import DryRun, Output, OutputOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nexus_cli.scaffold.outcome import Outcome
    from nexus_cli.stack.compose import Composed


class Direction(StrEnum):
    """Which way an event goes, seen from a service."""

    publishes = "publishes"
    consumes = "consumes"


app = typer.Typer(
    no_args_is_help=True, help="Generate services, packages and parts of them; what you changed is kept."
)

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
LossOption = Annotated[
    bool,
    typer.Option("--allow-data-loss", help="Write a migration even if rows may lose something by it."),
]
ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="A service of the platform.")]


@app.command("app")
def generate_app(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The service's name, such as order.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every service that is described.")] = False,
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
    allow_data_loss: LossOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Generate a service from its blueprint, which is written first where there is none.

    When its resources changed, the next migration is written with it. Several services, or `--all` that are
    described, are generated together: all of them or none.

    Examples: `nexus generate app order` · `nexus generate app my-service --type fastapi --uses none` ·
    `nexus generate app order --dry-run` · `nexus generate app order --template ../ours --vcs-ref v2` ·
    `nexus generate app order payment` · `nexus generate app --all`
    """
    from nexus_cli.scaffold import app as apps
    from nexus_cli.scaffold import outcome

    chosen = apps.check_names(names or (), everything, [kind, uses, port, title, data, template])
    answers, ask = outcome.parse_data(data or []), not defaults and sys.stdin.isatty()
    choice = outcome.Choice(template, vcs_ref, trust, ask, answers, force, dry_run, allow_data_loss)
    used = None if uses is None else outcome.parse_uses(uses)
    with in_workspace(f"generate app {' '.join(chosen) or '--all'}", dry_run=dry_run) as root:
        if len(chosen) == 1:
            made = apps.generate_app(root, chosen[0], choice, kind=kind, uses=used, port=port, title=title)
        else:
            made = apps.generate_apps(root, chosen, choice)
        show(made, output)


@app.command("resource")
def generate_resource(
    service: ServiceArgument,
    name: Annotated[str, typer.Argument(help="The resource's name, such as invoice.")],
    fields: Annotated[list[str], typer.Argument(metavar="FIELD:TYPE...", help="Its fields.")],
    operations: Annotated[
        str, typer.Option("--operations", metavar="NAMES", help="list,get,create,update,delete; or fewer.")
    ] = "",
    plural: Annotated[str, typer.Option("--plural", help="Its plural, where English is irregular.")] = "",
    states: Annotated[
        str,
        typer.Option("--states", metavar="FROM:TO,…", help="Steps of its first enum: draft:open,open:paid."),
    ] = "",
    events: Annotated[
        str, typer.Option("--events", metavar="NAMES", help="Events to publish: created,updated,deleted.")
    ] = "",
    tenant: Annotated[
        bool | None, typer.Option("--tenant/--no-tenant", help="Each row belongs to a tenant, or to all.")
    ] = None,
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Add a resource to a service: blueprint, endpoints, tests and migration.

    Examples: `nexus generate resource order invoice number:'string unique' amount:money` ·
    `nexus generate resource order line 'order:ref(order)' 'kind:enum(a, b) = a' --operations list,get`
    """
    from nexus_cli.scaffold.change import Details, add_resource
    from nexus_cli.scaffold.outcome import Choice

    choice = Choice(force=force, dry_run=dry_run)
    wanted = Details(plural, _listed(operations), _listed(states), _listed(events), tenant)
    with in_workspace(f"generate resource {name}", dry_run=dry_run) as root:
        show(add_resource(root, service, name, fields, choice, wanted), output)


@app.command("route")
def generate_route(
    service: ServiceArgument,
    path: Annotated[str, typer.Argument(metavar="/PATH", help="The prefix of the requests.")],
    auth: Annotated[str, typer.Option("--auth", metavar="none|jwt", help="Who may come in.")] = "",
    roles: Annotated[
        str, typer.Option("--roles", metavar="NAMES", help="Only tokens with one of these: staff,admin.")
    ] = "",
    methods: Annotated[str, typer.Option("--methods", metavar="NAMES", help="GET,POST; or all.")] = "",
    limit: Annotated[str, typer.Option("--limit", metavar="RATE", help="At most this often: 100/s.")] = "",
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="How long one may take: 5s.")
    ] = "",
    retries: Annotated[str, typer.Option("--retries", metavar="COUNT", help="Tries after a failure.")] = "",
    rewrite: Annotated[str, typer.Option("--rewrite", metavar="/PATH", help="What the prefix becomes.")] = "",
    version: Annotated[str, typer.Option("--version", help="Only requests with this x-api-version.")] = "",
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Add a route of the gateway to a service.

    Examples: `nexus generate route order /api/v1/invoices --limit 100/s` ·
    `nexus generate route order /public --auth none --rewrite /api/v1/public --methods GET` ·
    `nexus generate route order /api/v1/refunds --roles staff,admin`
    """
    from nexus_cli.scaffold.change import add_route
    from nexus_cli.scaffold.outcome import Choice

    said = {"version": version, "auth": auth, "roles": _listed(roles)}
    said |= {"methods": _listed(methods), "rewrite": rewrite}
    said |= {"limit": limit, "timeout": timeout, "retries": retries}
    given = {key: value for key, value in said.items() if value}
    with in_workspace(f"generate route {path}", dry_run=dry_run) as root:
        show(add_route(root, service, path, given, Choice(force=force, dry_run=dry_run)), output)


@app.command("event")
def generate_event(
    service: ServiceArgument,
    direction: Annotated[Direction, typer.Argument(help="Which way it goes.")],
    name: Annotated[str, typer.Argument(help="The event's name, such as order.created.")],
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Add an event that a service publishes or consumes.

    Examples: `nexus generate event order publishes order.shipped` ·
    `nexus generate event mailer consumes order.shipped --dry-run`
    """
    from nexus_cli.scaffold.change import add_event
    from nexus_cli.scaffold.outcome import Choice

    with in_workspace(f"generate event {name}", dry_run=dry_run) as root:
        show(add_event(root, service, direction.value, name, Choice(force=force, dry_run=dry_run)), output)


@app.command("component")
def generate_component(
    name: Annotated[str, typer.Argument(help="A name of the catalogue, or one of your own with --image.")],
    image: Annotated[str, typer.Option("--image", help="The image that a component of your own runs.")] = "",
    port: Annotated[
        list[str] | None, typer.Option("--port", metavar="NAME=NUMBER", help="A port that it listens on.")
    ] = None,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Add a component: from the catalogue that comes with nexus, or one that runs an image.

    Examples: `nexus generate component redis` ·
    `nexus generate component mail --image axllent/mailpit:v1.27 --port smtp=1025 --port http=8025`
    """
    from nexus_cli.scaffold.component import add_component, parse_ports
    from nexus_cli.scaffold.outcome import Choice

    ports = parse_ports(port or [])
    with in_workspace(f"generate component {name}", dry_run=dry_run) as root:
        show(add_component(root, name, Choice(dry_run=dry_run), image=image, ports=ports), output)


@app.command("migration")
def generate_migration(
    service: ServiceArgument,
    name: Annotated[str, typer.Option("--name", help="What it does; told by the changes otherwise.")] = "",
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Write an empty one, and take the resources as they are now.")
    ] = False,
    allow_data_loss: LossOption = False,
    force: ForceOption = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Write the next migration of a service, when its resources changed, and bring its code up to them.

    Examples: `nexus generate migration order` · `nexus generate migration order --dry-run` ·
    `nexus generate migration order --by-hand --name rename-title`
    """
    from nexus_cli.scaffold.change import add_migration
    from nexus_cli.scaffold.outcome import Choice

    choice = Choice(
        force=force, dry_run=dry_run, allow_data_loss=allow_data_loss, migration=name, by_hand=by_hand
    )
    with in_workspace(f"generate migration {service}", dry_run=dry_run) as root:
        show(add_migration(root, service, choice), output)


@app.command("package")
def generate_package(
    name: Annotated[str, typer.Argument(metavar="[@SCOPE/]NAME", help="The package's name.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", help="library, event-bus, event-store, security, …; library when it is new."
        ),
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
    `nexus generate package money --lang go` · `nexus generate package @acme/ui --type react` ·
    `nexus generate package observability --type observability` (also event-bus, event-store,
    saga-orchestrator, domain-models, sdk-generator, security)
    """
    from nexus_cli.scaffold import outcome
    from nexus_cli.scaffold.package import generate_package as generate

    answers, ask = outcome.parse_data(data or []), not defaults and sys.stdin.isatty()
    choice = outcome.Choice(template, vcs_ref, trust, ask, answers, force, dry_run)
    with in_workspace(f"generate package {name}", dry_run=dry_run) as root:
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

    with in_workspace("generate compose", dry_run=dry_run) as root:
        composed = compose.generate(Workspace(root), file)
        if dry_run:
            compose.refuse_conflict(composed, force=force)
        else:
            compose.lay_down(composed, force=force)
    show_composed(composed, dry_run=dry_run)


def _listed(text: str) -> list[str]:
    """Names from `list,get`."""
    return [name.strip() for name in text.split(",") if name.strip()]


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
def in_workspace(command: str, *, dry_run: bool) -> Iterator[Path]:
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


app.command("sdk")(sdk.generate_sdk)
