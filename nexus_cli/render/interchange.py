"""What an import did, for a person: files, what became of the keys, and what to do next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from nexus_cli.events import Summary
from nexus_cli.render.tables import show as show_table

if TYPE_CHECKING:
    from nexus_cli.interchange.workspace import Imported

_WORDS = {"adapted": "carried differently", "lost": "not carried"}


def show(imported: Imported) -> None:
    """The files and the table of keys on standard output; counts and the next step on standard error."""
    for change in imported.changes:
        sys.stdout.write(f"{change.status:<8} {change.path}\n")
    entries = imported.report.of("lost", "adapted")
    if entries:
        rows = tuple(
            (f"{e.where.file}:{e.where.line}", f"{e.subject}.{e.key}", _WORDS[e.fate], e.reason)
            for e in entries
        )
        sys.stdout.write("\n")
        show_table(Summary("not carried as it was", ("where", "key", "fate", "reason"), rows))
    counts = imported.report.counts()
    said = f"{len(imported.components)} components; {counts['carried']} keys carried"
    said += f", {counts['adapted']} carried differently, {counts['lost']} not carried"
    sys.stderr.write(f"{said}\n")
    if imported.secrets:
        where = "are kept" if imported.written else "would be kept"
        sys.stderr.write(f"note: secrets {where} in .nexus, outside git: {', '.join(imported.secrets)}\n")
    if not imported.written:
        sys.stderr.write("nothing was written\n")
        return
    sys.stderr.write("next: nexus lint, then nexus up --engine docker\n")
