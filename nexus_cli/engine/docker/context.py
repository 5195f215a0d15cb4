"""A build context: the files that an image is made of, their hash and their archive."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from nexus_cli.engine.docker.client import context_paths
from nexus_cli.errors import UsageError
from nexus_cli.unit import ImageBuild


def image_name(project: str, unit: str, build: ImageBuild) -> str:
    """The image of a unit's build; its tag is a hash of everything that the image follows from."""
    return f"{project}-{unit}:{_digest(build)}"


def _digest(build: ImageBuild) -> str:
    hashed = hashlib.blake2b(digest_size=10)
    hashed.update(repr((build.dockerfile, build.target, build.args)).encode())
    for name, path in _files(build):
        hashed.update(f"\0{name}\0{_mode(path):o}\0".encode())
        hashed.update(str(path.readlink()).encode() if path.is_symlink() else path.read_bytes())
    return hashed.hexdigest()


def archive(build: ImageBuild) -> bytes:
    """The context as a tar archive without times and owners, so that layers are found in the cache."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, path in _files(build):
            entry = tar.gettarinfo(str(path), arcname=name)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = 0
            entry.mode = _mode(path)
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return buffer.getvalue()


def pack(files: Iterable[tuple[str, str]]) -> bytes:
    """Named texts as a tar archive whose files everybody inside the container may read."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folders: set[str] = set()
        for name, text in files:
            for parent in reversed(Path(name).parents):
                if str(parent) != "." and str(parent) not in folders:
                    folders.add(str(parent))
                    entry = tarfile.TarInfo(str(parent))
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(entry)
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o444
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _files(build: ImageBuild) -> list[tuple[str, Path]]:
    """Files and links by their names in the context; a folder is there through what it holds."""
    if not (build.context / build.dockerfile).is_file():
        raise UsageError(
            f"there is no {build.dockerfile} in {build.context}",
            hint="generate the service again, name another Dockerfile, or use --engine process",
        )
    found = list(_folder(build.context, build.dockerfile))
    for package, folder in build.packages:
        if not folder.is_dir():
            raise UsageError(f"there is no {folder}", hint=f"make it: nexus generate package {package}")
        found += [(f"packages/{package}/{name}", path) for name, path in _folder(folder, build.dockerfile)]
    return found


def _folder(folder: Path, dockerfile: str) -> Iterator[tuple[str, Path]]:
    for name in context_paths(folder, dockerfile):
        path = folder / name
        if path.is_symlink() or path.is_file():
            yield name, path


def _mode(path: Path) -> int:
    """Only what a checkout keeps: whether a file can be executed."""
    return 0o755 if path.is_dir() or path.lstat().st_mode & 0o100 else 0o644
