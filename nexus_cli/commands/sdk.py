"""nexus generate sdk and nexus sdk: client libraries from OpenAPI documents, and how APIs change."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands.documents import told
from nexus_cli.commands.options import DryRun, EnvironmentOption, Output, OutputOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nexus_cli.sdk.generate import Outcome

app = typer.Typer(no_args_is_help=True, help="Read and compare the APIs that client libraries are made of.")


class Shape(StrEnum):
    """How changes are written."""

    text = "text"
    json = "json"
    markdown = "markdown"


PrivateOption = Annotated[
    bool, typer.Option("--allow-private", help="Follow redirects and references into private networks.")
]


@app.callback()
def options() -> None:
    """Read and compare the APIs that client libraries are made of."""


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The document as it was: a file or an address.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The document as it is.")],
    private: PrivateOption = False,
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


LanguageOption = Annotated[str, typer.Option("--lang", "-l", help="python, typescript or go.")]
SpecOption = Annotated[str, typer.Option("--spec", "-s", metavar="FILE|URL", help="The OpenAPI document.")]
ServicesOption = Annotated[
    list[str] | None,
    typer.Option("--service", metavar="NAME", help="A service of the workspace, instead."),
]
AllOption = Annotated[bool, typer.Option("--all", help="All services of the workspace.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where; sdk/LANGUAGE otherwise.")
]
PackageOption = Annotated[str, typer.Option("--name", help="The package's name; the API's title otherwise.")]
VersionOption = Annotated[str, typer.Option("--package-version", help="The API's version otherwise.")]
VerifyOption = Annotated[bool, typer.Option("--verify/--no-verify", help="Prove that it is complete.")]
AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow-missing", metavar="OPERATION", help="An operation that may be missing."),
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write the proof as JSON.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Overwrite what you changed; yours is kept as NAME.orig.")
]


def generate_sdk(
    language: LanguageOption,
    spec: SpecOption = "",
    services: ServicesOption = None,
    everything: AllOption = False,
    out: OutOption = None,
    package: PackageOption = "",
    version: VersionOption = "",
    verify: VerifyOption = True,
    allow: AllowOption = None,
    private: PrivateOption = False,
    report: ReportOption = None,
    force: ForceOption = False,
    environment: EnvironmentOption = "development",
    dry_run: DryRun = False,
    output: OutputOption = Output.text,
) -> None:
    """Generate a client library, and prove it by calling every operation on a server made from the document.

    Examples: `nexus generate sdk --spec openapi.yaml --lang python` ·
    `nexus generate sdk -s https://example.com/openapi.json -l go --out clients/shop --name @acme/shop` ·
    `nexus generate sdk --service order --lang typescript` · `nexus generate sdk --all --lang python`
    """
    from nexus_cli.sdk import source
    from nexus_cli.sdk.generate import generate
    from nexus_cli.sdk.generate import language as known

    known(language)
    if services or everything or not spec:
        if spec or out or package or version:
            raise typer.BadParameter("--service and --all decide what is read and where it is written")
        how = {"verify": verify, "force": force, "dry_run": dry_run}
        generated = _of_services(language, services or [], everything, environment, **how)
    else:
        generated = [
            generate(
                source.read(spec, private=private),
                language,
                out or Path("sdk") / language,
                package=package,
                version=version,
                verify=verify,
                force=force,
                dry_run=dry_run,
                progress=_progress,
            )
        ]
    _judge(generated, allow or [], report, output, dry_run=dry_run, alone=bool(spec))


def _judge(
    generated: list[Outcome],
    allowed: list[str],
    report: Path | None,
    output: Output,
    *,
    dry_run: bool,
    alone: bool,
) -> None:
    """Tell what was made and what was proved of it; exit code 1 unless all is complete."""
    proofs = [made.report for made in generated if made.report is not None]
    if report is not None and proofs:
        told = [proof.as_dict(allowed) for proof in proofs]
        report.write_text(json.dumps(told[0] if alone else told, indent=2) + "\n", encoding="utf-8")
    for made in generated:
        show(made, allowed, output, dry_run=dry_run)
    if not all(proof.complete(allowed) for proof in proofs):
        raise typer.Exit(1)


def _progress(line: str) -> None:
    typer.echo(line, err=True)


def _of_services(
    language: str, names: list[str], everything: bool, environment: str, **how: bool
) -> list[Outcome]:
    """Clients of the workspace's services, as packages of the workspace."""
    from nexus_cli.stack import clients

    made = []
    with told("generate sdk", names, environment, everything=everything) as found:
        for service, document in found.documents.items():
            client = clients.make(
                found.platform, found.root, service, document, language, progress=_progress, **how
            )
            made.append(client.outcome)
            for note in client.notes:
                _progress(f"note: {note}")
            if client.users:
                _progress(f"{client.package} is a dependency of {', '.join(client.users)}")
            else:
                _progress(f"next: name the services that use it in {client.blueprint} (users: [NAME])")
    return made


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
