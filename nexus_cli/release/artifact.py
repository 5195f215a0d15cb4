"""A service's code as it is released: copied once below `.nexus/artifacts`, and run from there ever after."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.release.record import Artifact
from nexus_cli.workspace import Workspace, private_folder

_LEFT_OUT = {
    *("__pycache__", ".venv", ".venv.new", "node_modules", ".git", ".nexus-base", ".next", "dist", "bin"),
    *(f".{tool}_cache" for tool in ("mypy", "ruff", "pytest")),
}
_FOLDERS = ("migrations/versions", "migrations")
_NAMES = re.compile(r"\d\w*\.(py|sql|go)")
_LOSES = re.compile(
    r"\bdrop_(?:column|table)\b|\bdrop\s+(?:table|column)\b|\btruncate\b|\bdelete\s+from\b", re.IGNORECASE
)
_SAYS = re.compile(r"(?:#|--|//)\s*irreversible:?\s*(.*)", re.IGNORECASE)
_BACKWARDS = re.compile(r"^--\s*\+goose\s+down\b", re.IGNORECASE | re.MULTILINE)


def folder(workspace: Workspace, service: str, artifact: Artifact) -> Path:
    """Where an artifact lies: like a workspace, with the service and its packages at their places in it."""
    return workspace.state / "artifacts" / service / artifact.digest


def beside(workspace: Workspace, service: str, digest: str, name: str) -> Path:
    """A file about an artifact, which goes with it and is no part of it."""
    return workspace.state / "artifacts" / service / f".{digest}.{name}"


def collect(workspace: Workspace, platform: Platform, service: Service) -> Artifact:
    """Copy a service's code and the packages that it uses, unless just that was copied before."""
    sources = [service.source, *(package.source for package in platform.packages_of(service))]
    for source in sources:
        if not (workspace.root / source).is_dir():
            raise UsageError(
                f"{service.name}: there is no folder {source}", hint=f"nexus generate app {service.name}"
            )
    files = {name: path for source in sources for name, path in _files(workspace.root, source)}
    artifact = Artifact(_digest(files), *_migrations(workspace.root / service.source))
    place = folder(workspace, service.name, artifact)
    if not place.exists():
        _copy(workspace, files, place)
    with contextlib.suppress(OSError):
        os.utime(place)  # so that it is not taken for one that nobody needs before the release is written
    return artifact


def kept(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Every artifact that is there, as service and digest."""
    top = workspace.state / "artifacts"
    for place in sorted(top.glob("*/*")) if top.exists() else ():
        if not place.name.startswith("."):
            yield place.parent.name, place.name


def used(workspace: Workspace, service: str, digest: str) -> float:
    """When an artifact was last used for a release, in seconds since the epoch."""
    try:
        return (workspace.state / "artifacts" / service / digest).stat().st_mtime
    except OSError:
        return 0.0


def forget(workspace: Workspace, service: str, digest: str) -> None:
    """Remove an artifact that no release needs any more."""
    shutil.rmtree(workspace.state / "artifacts" / service / digest, ignore_errors=True)
    for path in (workspace.state / "artifacts" / service).glob(f".{digest}.*"):
        path.unlink(missing_ok=True)


def _files(root: Path, source: str) -> Iterator[tuple[str, Path]]:
    for parent, folders, names in os.walk(root / source):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(parent) / name
            if not name.endswith(".pyc"):
                yield path.relative_to(root).as_posix(), path


def _digest(files: Mapping[str, Path]) -> str:
    hashed = hashlib.blake2b(digest_size=10)
    for name, path in files.items():
        hashed.update(f"{name}\0{path.lstat().st_mode & 0o100:o}\0".encode())
        hashed.update(str(path.readlink()).encode() if path.is_symlink() else path.read_bytes())
    return hashed.hexdigest()


def _copy(workspace: Workspace, files: Mapping[str, Path], place: Path) -> None:
    private_folder(workspace.state)
    private_folder(workspace.state / "artifacts")
    private_folder(place.parent)
    try:
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".") as name:
            fresh = Path(name) / "whole"
            for inside, path in files.items():
                target = fresh / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)
            fresh.rename(place)
    except OSError as error:
        if not place.exists():  # else another command has just made the same
            raise NexusError(f"cannot write {place}: {error.strerror or error}") from error


def _migrations(service: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """The names of a service's migrations in their order, and what is lost by those that lose data."""
    place = next((service / name for name in _FOLDERS if (service / name).is_dir()), None)
    files = sorted(path for path in place.iterdir() if _NAMES.fullmatch(path.name)) if place else []
    losing = {path.stem: lost for path in files if (lost := _lost(path))}
    return tuple(path.stem for path in files), losing


def _lost(path: Path) -> str:
    """What a migration says or shows that it loses for good; nothing when it can be lived with."""
    text = path.read_text(encoding="utf-8", errors="replace")
    said = _SAYS.search(text)
    if said:
        return said[1].strip() or "it says so"
    forwards = _upgrade(text) if path.suffix == ".py" else _BACKWARDS.split(text)[0]
    found = _LOSES.search(forwards)
    if found is None:
        return ""
    line = forwards[forwards.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0]
    return line.strip()


def _upgrade(text: str) -> str:
    """The part of an Alembic migration that goes forwards."""
    try:
        module = ast.parse(text)
    except SyntaxError:
        return text
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef))
    return next((ast.get_source_segment(text, f) or "" for f in functions if f.name == "upgrade"), text)
