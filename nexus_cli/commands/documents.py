"""What services of the workspace say of their APIs, for the commands that make something of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus_cli.commands.options import EnvironmentOption, complete_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nexus_generators.openapi.document import Document

    from nexus_cli.blueprint.model import Platform


@dataclass(frozen=True, slots=True)
class Told:
    """A workspace's folder and platform, and the documents of the services that were asked."""

    root: Path
    platform: Platform
    documents: Mapping[str, Document]


@contextmanager
def told(command: str, names: Sequence[str], environment: str, *, everything: bool = False) -> Iterator[Told]:
    """Ask those services that run there, and the code of the others; nothing else changes files meanwhile."""
    from nexus_cli import workspace
    from nexus_cli.blueprint.load import load
    from nexus_cli.release.standing import standing
    from nexus_cli.render import renderer
    from nexus_cli.stack import clients, engines

    found = workspace.find()
    platform = load(found.root)
    chosen = clients.chosen(platform, names, everything=everything)
    with renderer("text") as emit, workspace.lock(found.state, command, emit):
        up = engines.in_use(found.environment_state(environment)) or workspace.deployed(found, environment)
        stack = standing(found, environment) if up else None
        documents = clients.documents(found, platform, stack, chosen, emit)
        yield Told(found.root, platform, {name: documents[name] for name in chosen})


def spec(
    name: Annotated[str, typer.Argument(metavar="SERVICE", help="Its name.", autocompletion=complete_units)],
    file: Annotated[
        Path | None, typer.Option("--write", help="Write it to this file instead of printing it.")
    ] = None,
    environment: EnvironmentOption = "development",
) -> None:
    """Print the OpenAPI document of a service: as it runs, or as its code or else its blueprint says.

    Examples: `nexus sdk spec order` · `nexus sdk spec order --write docs/order.json`
    """
    from nexus_cli.workspace import write_atomic

    with told("sdk spec", [name], environment) as found:
        text = _legible(found.documents[name].text)
    if file is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(file, text)


def _legible(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    except ValueError:  # it is YAML
        return text
