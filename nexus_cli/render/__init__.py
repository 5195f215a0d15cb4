"""How events are shown: live on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager

from nexus_cli.events import Emit


def renderer(output: str) -> AbstractContextManager[Emit]:
    """The renderer for `text` (live on a terminal, else plain) or `json`; gives what to emit events to."""
    if output == "json":
        from nexus_cli.render.jsonl import JsonLines

        return JsonLines(sys.stdout)
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from nexus_cli.render.live import Live

        return Live()
    from nexus_cli.render.plain import Plain

    return Plain(sys.stderr)
