"""What the scaffolding tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from nexus_cli.events import Event

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def ignore(event: Event) -> None:
    """Show nothing."""
    del event


def tree(root: Path) -> dict[str, bytes]:
    """Every file below root, but git's and the state folder's."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", ".nexus"} & set(path.relative_to(root).parts)
    }
