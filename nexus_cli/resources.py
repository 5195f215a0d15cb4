"""Where the data that ships with nexus lies, in a wheel as in a checkout; and what can be made again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def bundled(name: Literal["templates", "blueprints"]) -> Path:
    """The folder of the shipped templates or of the shipped catalogue."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def cache_folder(name: str) -> Path:
    """A folder of this user for what can be made again."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "nexus" / name
