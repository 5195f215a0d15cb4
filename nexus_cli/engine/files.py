"""A unit's files on this machine: written whole, readable by their owner only."""

from __future__ import annotations

from pathlib import Path

from nexus_cli.unit import Unit
from nexus_cli.workspace import private_folder, write_atomic


def write_files(state: Path, unit: Unit, *, live_only: bool = False) -> list[str]:
    """Write the unit's files below the environment's state folder; returns the names of those written.

    With `live_only`, only live ones that differ.
    """
    if unit.files_folder is None or not unit.files:
        return []
    for folder in (state, state / "run", unit.files_folder):
        private_folder(folder)
    written = []
    for name, file in unit.files.items():
        if live_only and (not file.live or unit.written(name) == file.content):
            continue
        private_folder((unit.files_folder / name).parent)
        write_atomic(unit.files_folder / name, file.content, mode=0o600)
        written.append(name)
    return written
