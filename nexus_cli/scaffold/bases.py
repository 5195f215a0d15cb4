"""What a file was when it was generated last: the base on which edits and a new version are merged.

A manifest knows only digests. The content is looked for beside the project (`.nexus-base/PATH.base`, kept in
git for files that a person changed), in git's history, and in what was generated last on this machine.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from nexus_generators.generator import File

from nexus_cli import repo
from nexus_cli.workspace import private_folder, write_atomic

FOLDER, SUFFIX = ".nexus-base", ".base"
_MOMENT = (1980, 1, 1, 0, 0, 0)


def kept_as(source: str, path: str) -> str:
    """Where the base of a file that a person changed is kept, by the path inside its project."""
    return f"{source}/{FOLDER}/{path}{SUFFIX}"


def find(root: Path, source: str, path: str, digest: str) -> bytes | None:
    """The content of that digest which `path` of the project at `source` once had; nothing if it is lost."""
    beside = root / kept_as(source, path)
    for content in (
        beside.read_bytes() if beside.is_file() else None,
        _remembered(root, source, path),
    ):
        if content is not None and sha256(content).hexdigest() == digest:
            return content
    return repo.content(root, f"{source}/{path}", digest)


def remember(root: Path, source: str, files: Mapping[str, File]) -> None:
    """Keep what was generated, out of git, until it is generated again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, file in sorted(files.items()):
            if not file.seed:
                archive.writestr(zipfile.ZipInfo(path, _MOMENT), file.content, zipfile.ZIP_DEFLATED, 1)
    place = _place(root, source)
    private_folder(root / ".nexus")
    private_folder(place.parent)
    write_atomic(place, buffer.getvalue(), mode=0o600)


def _remembered(root: Path, source: str, path: str) -> bytes | None:
    try:
        with zipfile.ZipFile(_place(root, source)) as archive:
            return archive.read(path)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def _place(root: Path, source: str) -> Path:
    return root / ".nexus" / "generated" / f"{source.replace('/', '--')}.zip"
