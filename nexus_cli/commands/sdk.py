"""nexus generate sdk and nexus sdk: client libraries from OpenAPI documents, and how APIs change."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands.options import DryRun, Output, OutputOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nexus_cli.sdk.generate import Outcome

app = typer.Typer(no_args_is_help=True, help="Compare the APIs that client libraries are made of.")


class Shape(StrEnum):
    """How changes are written."""

    text = "text"
    json = "json"
    markdown = "markdown"


@app.callback()
def options() -> None:
    """Compare the APIs that client libraries are made of."""


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The document as it was: a file or an address.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The document as it is.")],
    private: Annotated[
        bool, typer.Option("--allow-private", help="Follow redirects and references into private networks.")
    ] = False,
    output: Annotated[
        Shape, typer.Option("--output", "-o", help="text, json for programs, markdown for release notes.")
    ] = Shape.text,
) -> None:
    """Classify what changed between two versions of an API; a breaking change ends with exit code 1.

    Examples: `nexus sdk diff old.yaml new.yaml` ·
    `nexus sdk diff https://example.com/v1/openapi.json openapi.json --output markdown`
    """
    from nexus_cli.sdk import source
    from nexus_cli.sdk.changes import compare

    found = compare(source.read(old, private=private), source.read(new, private=private))
    shown: dict[Shape, Callable[[], Iterable[str]]] = {
        Shape.text: found.lines,
        Shape.markdown: found.markdown,
        Shape.json: lambda: [json.dumps(found.as_dict(), indent=2)],
    }
    typer.echo("\n".join(shown[output]()))
    if found.breaking:
        raise typer.Exit(1)


def generate_sdk(
    spec: Annotated[str, typer.Option("--spec", "-s", metavar="FILE|URL", help="The OpenAPI document.")],
    language: Annotated[str, typer.Option("--lang", "-l", help="python, typescript or go.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where; sdk/LANGUAGE otherwise.")
    ] = None,
    package: Annotated[
        str, typer.Option("--name", help="The package's name; the API's title otherwise.")
    ] = "",
    version: Annotated[str, typer.Option("--package-version", help="The API's version otherwise.")] = "",
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Prove that it is complete.")] = True,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow-missing", metavar="OPERATION", help="An operation that may be missing."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--allow-private", help="Follow redirects and references into private networks.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the proof as JSON.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what you changed; yours is kept as NAME.orig.")
    ] = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Generate a client library, and prove it by calling every operation on a server made from the document.

    Examples: `nexus generate sdk --spec openapi.yaml --lang python` ·
    `nexus generate sdk -s https://example.com/openapi.json -l go --out clients/shop --name @acme/shop`
    """
    from nexus_cli.sdk import source
    from nexus_cli.sdk.generate import generate

    document = source.read(spec, private=private)
    made = generate(
        document,
        language,
        out or Path("sdk") / language,
        package=package,
        version=version,
        verify=verify,
        force=force,
        dry_run=dry_run,
        progress=lambda line: typer.echo(line, err=True),
    )
    allowed = allow or []
    if report is not None and made.report is not None:
        report.write_text(json.dumps(made.report.as_dict(allowed), indent=2) + "\n", encoding="utf-8")
    show(made, allowed, output, dry_run=dry_run)
    if made.report is not None and not made.report.complete(allowed):
        raise typer.Exit(1)


def show(made: Outcome, allowed: list[str], output: Output, *, dry_run: bool) -> None:
    """The report on standard output; notes on the document on standard error."""
    if output == Output.json:
        changes = [{"path": change.path, "status": change.status} for change in made.changes]
        proof = made.report.as_dict(allowed) if made.report else None
        typer.echo(json.dumps({"folder": str(made.folder), "changes": changes, "report": proof}, indent=2))
        return
    for note in made.document.notes:
        typer.echo(f"note: {note}", err=True)
    changed = sum(change.status not in {"same", "kept"} for change in made.changes)
    word = "would be written" if dry_run else "written"
    typer.echo(f"{made.folder}: {len(made.changes)} files, {changed} {word}")
    for line in made.report.lines(allowed) if made.report else ():
        typer.echo(line)
