"""The command line: the Typer app, its global options, and all its commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from nexus_cli import __version__
from nexus_cli.commands import (
    build,
    deploy,
    describe,
    docs,
    doctor,
    documents,
    down,
    drift,
    environment,
    execute,
    generate,
    history,
    images,
    import_,
    init,
    lint,
    logs,
    plan,
    promote,
    release,
    restart,
    run,
    scale,
    schema,
    sdk,
    secret,
    status,
    test,
    token,
    up,
    update,
)
from nexus_cli.commands.options import WorkspaceOption
from nexus_cli.edge import guarded

app = typer.Typer(
    name="nexus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"nexus {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    workspace: WorkspaceOption = None,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Print the version and exit.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Describe your platform in blueprints; generate it, run it on this machine, test it, ship it.

    Start with `nexus init shop`, then `nexus generate app order` and `nexus up`.
    """
    del version
    if workspace is not None:
        if not Path(workspace).is_dir():
            raise typer.BadParameter(f"{workspace} is not a folder")
        os.environ["NEXUS_WORKSPACE"] = str(workspace)


CREATE, DESCRIBE, RUN, TEST, SHIP = "Create", "Describe", "Run", "Test", "Ship"
COMMANDS: list[tuple[str, str, Callable[..., Any]]] = [
    ("init", CREATE, init.init),
    ("update", CREATE, update.update),
    ("outdated", CREATE, update.outdated),
    ("lint", DESCRIBE, lint.lint),
    ("list", DESCRIBE, describe.list_),
    ("show", DESCRIBE, describe.show),
    ("graph", DESCRIBE, describe.graph),
    ("schema", DESCRIBE, schema.schema),
    ("plan", RUN, plan.plan),
    ("up", RUN, up.up),
    ("build", RUN, build.build),
    ("run", RUN, run.run),
    ("scale", RUN, scale.scale),
    ("down", RUN, down.down),
    ("status", RUN, status.status),
    ("logs", RUN, logs.logs),
    ("restart", RUN, restart.restart),
    ("exec", RUN, execute.execute),
    ("token", RUN, token.token),
    ("doctor", RUN, doctor.doctor),
    ("test", TEST, test.run_tests),
    ("deploy", SHIP, deploy.deploy),
    ("rollback", SHIP, deploy.rollback),
    ("promote", SHIP, promote.promote),
    ("approve", SHIP, promote.approve),
    ("drift", SHIP, drift.drift),
    ("history", SHIP, history.history),
    ("unlock", SHIP, history.unlock),
]
for _name, _panel, _function in COMMANDS:
    _settings = {"allow_interspersed_args": False} if _name in {"exec", "run"} else {}
    app.command(_name, rich_help_panel=_panel, context_settings=_settings)(_function)
generate.app.command("docs")(docs.generate_docs)
app.add_typer(generate.app, name="generate", rich_help_panel=CREATE)
sdk.app.command("spec")(documents.spec)
app.add_typer(sdk.app, name="sdk", rich_help_panel=CREATE)
app.add_typer(import_.app, name="import", rich_help_panel=CREATE)
app.add_typer(images.app, name="images", rich_help_panel=RUN)
app.add_typer(secret.app, name="secret", rich_help_panel=RUN)
app.add_typer(environment.app, name="env", rich_help_panel=SHIP)
app.add_typer(release.app, name="release", rich_help_panel=SHIP)
app.add_typer(history.audit, name="audit", rich_help_panel=SHIP)


def main() -> int:
    """Run the app; the exit code."""
    _narrow(sys.argv[1:2])
    return guarded(app)


def _narrow(first: list[str]) -> None:
    """Leave out what is not asked for: Typer would look at the options of every command, a tenth of a start.

    Help, completion and misspelt names see all of them.
    """
    commands = [command for command in app.registered_commands if command.name in first]
    groups = [group for group in app.registered_groups if group.name in first]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups
