"""Where the data that ships with nexus lies: the same answer in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def bundled(name: Literal["templates", "blueprints"]) -> Path:
    """The folder of the shipped templates or of the shipped catalogue."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
