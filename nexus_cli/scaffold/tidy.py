"""Generated Python as its project's own formatter leaves it, however long a person's names are.

Imports that nothing of what a platform describes has a use for go, too.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nexus_generators.generator import File

from nexus_cli.process import run
from nexus_cli.scaffold.template import TemplateFault

SETTINGS = "pyproject.toml"
_COMMANDS = (("check", "--fix-only", "--select", "F401,I"), ("format",))
_SECONDS = 60.0


def tidied(files: Mapping[str, File], settings: File | None = None) -> dict[str, File]:
    """The files of a project, its Python tidied as its `pyproject.toml` says.

    `settings` is that file where it is not among the others; a project that has none stays as it is.
    """
    python = [path for path in files if path.endswith(".py")]
    settings = files.get(SETTINGS, settings)
    if not python or settings is None:
        return dict(files)
    with tempfile.TemporaryDirectory(prefix="nexus-tidy-") as place:
        folder = Path(place)
        (folder / SETTINGS).write_bytes(settings.content)
        for path in python:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(files[path].content)
        for command in _COMMANDS:
            done = run([ruff(), *command, "--no-cache", "--quiet", "."], cwd=folder, timeout=_SECONDS)
            if done.code:
                raise TemplateFault(f"what was generated is not Python: {done.err.strip()[:500]}")
        formatted = {path: replace(files[path], content=(folder / path).read_bytes()) for path in python}
    return {**files, **formatted}


def ruff() -> str:
    """The formatter that is installed beside nexus."""
    from ruff import find_ruff_bin

    return os.fsdecode(find_ruff_bin())
