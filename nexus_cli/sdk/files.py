"""Generated files in a folder of our own, where programs can look at them."""

from __future__ import annotations

from pathlib import Path

from nexus_generators.generator import Files


def lay(files: Files, folder: Path) -> None:
    """Write files into a folder that nobody else has."""
    for path, file in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
