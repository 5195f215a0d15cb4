"""The command line: the Typer app, its global options, and the only place where faults are printed."""

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
    describe,
    doctor,
    down,
    execute,
    generate,
    images,
    import_,
    init,
    lint,
    logs,
    plan,
    restart,
    run,
    scale,
    schema,
    secret,
    status,
    token,
    up,
)
from nexus_cli.commands.options import WorkspaceOption
from nexus_cli.errors import NexusError

BUG = 3
INTERRUPTED = 130

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


CREATE, DESCRIBE, RUN = "Create", "Describe", "Run"
COMMANDS: list[tuple[str, str, Callable[..., Any]]] = [
    ("init", CREATE, init.init),
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
]
for _name, _panel, _function in COMMANDS:
    _settings = {"allow_interspersed_args": False} if _name in {"exec", "run"} else {}
    app.command(_name, rich_help_panel=_panel, context_settings=_settings)(_function)
app.add_typer(generate.app, name="generate", rich_help_panel=CREATE)
app.add_typer(import_.app, name="import", rich_help_panel=CREATE)
app.add_typer(images.app, name="images", rich_help_panel=RUN)
app.add_typer(secret.app, name="secret", rich_help_panel=RUN)


def main() -> int:
    """Run the app; a `NexusError` becomes one message, a hint and its exit code, never a traceback."""
    try:
        app()
    except NexusError as error:
        _report(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    except Exception as error:  # noqa: BLE001 - the edge: whatever is left is a bug of ours
        return _bug(error)
    return 0


def _report(error: NexusError) -> None:
    findings = getattr(error, "findings", None)
    if findings:
        from nexus_cli.render.findings import lines

        sys.stderr.write("\n".join(lines(findings)) + "\n")
        return
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def _bug(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="nexus-bug-", suffix=".txt", delete=False) as report:
        traceback.print_exception(error, file=report)
    sys.stderr.write(f"error: this is a bug in nexus: {type(error).__name__}: {error}\n")
    sys.stderr.write(f"hint: please report it; the details are in {report.name}\n")
    if os.environ.get("NEXUS_DEBUG"):
        traceback.print_exception(error)
    return BUG
