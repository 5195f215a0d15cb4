"""`generate docs`: the pages of a platform's documentation, kept up to date in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nexus_generators.docs import site
from nexus_generators.generator import Files
from nexus_generators.writer import managed, recover

from nexus_cli.blueprint.load import load
from nexus_cli.scaffold.outcome import Choice, Outcome, lay_down


def document(root: Path, folder: str, choice: Choice, apis: Mapping[str, Files] | None = None) -> Outcome:
    """Write the pages into a folder of the workspace; pages of what is described no more are removed."""
    recover(root)
    placed, base = managed(site(load(root), apis), root, folder)
    changes = lay_down(placed, root, base, choice)
    return Outcome(root, changes, choice.dry_run, next=(f"open {folder}/index.html in a browser",))
