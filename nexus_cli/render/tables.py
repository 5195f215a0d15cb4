"""Tables on standard output: drawn on a terminal, aligned plain text elsewhere."""

from __future__ import annotations

import sys

from nexus_cli.events import Summary


def show(summary: Summary) -> None:
    """Print a summary's table."""
    if sys.stdout.isatty():
        from rich.console import Console

        from nexus_cli.render.live import summary as drawn

        Console(highlight=False).print(drawn(summary))
        return
    from nexus_cli.render.plain import table

    sys.stdout.write("\n".join(table(summary)) + "\n")
