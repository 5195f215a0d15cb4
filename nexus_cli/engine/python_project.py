"""Virtual environments of Python services: built from their lock, skipped when unchanged, never half."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from nexus_cli import process
from nexus_cli.engine.tools import uv
from nexus_cli.errors import NexusError
from nexus_cli.unit import PythonProject
from nexus_cli.workspace import write_atomic

STAMP = "nexus-stamp"


def environment(project: PythonProject) -> Path:
    """The project's virtual environment, where editors look for it."""
    return project.folder / ".venv"


def built(project: PythonProject) -> bool:
    """Whether the environment is the one that the lock asks for."""
    try:
        return (environment(project) / STAMP).read_text(encoding="utf-8") == _stamp(project)
    except OSError:
        return False


def build(project: PythonProject, progress: Callable[[str], None]) -> None:
    """Make the environment beside the old one and put it in its place in one step."""
    lock = project.folder / project.lock
    if not lock.is_file():
        raise NexusError(f"{lock} is missing", hint="generate the service again, or lock its dependencies")
    final = environment(project)
    if final.exists() and not (final / STAMP).exists():
        raise NexusError(
            f"{final} was not made by nexus, so it is left alone",
            hint="remove it, and `nexus up` makes one from the lock",
        )
    stamp = _stamp(project)
    for left in project.folder.glob(".venv-*"):
        shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=project.folder, prefix=".venv-"))
    try:
        progress("making a virtual environment")
        _uv("venv", "--quiet", "--relocatable", "--clear", "--python", sys.executable, str(temporary))
        progress("installing locked dependencies")
        _uv(
            *("pip", "install", "--quiet", "--require-hashes", "--no-deps", "--compile-bytecode"),
            *("--python", str(temporary / "bin" / "python"), "--requirement", str(lock)),
        )
        for packages in temporary.glob("lib/python*/site-packages"):
            (packages / "nexus-project.pth").write_text(f"{project.folder / 'src'}\n", encoding="utf-8")
        write_atomic(temporary / STAMP, stamp)
        if final.exists():
            final.rename(temporary.with_name(f"{temporary.name}-old"))
        temporary.rename(final)
    finally:
        for left in project.folder.glob(".venv-*"):
            shutil.rmtree(left, ignore_errors=True)


def _uv(*arguments: str) -> None:
    done = process.run([uv(), *arguments])
    if done.code != 0:
        raise NexusError(
            f"uv {arguments[0]} failed: {done.output.strip()[-800:]}",
            hint="check the network or the package index that uv is set up for, then run the command again",
        )


def _stamp(project: PythonProject) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update((project.folder / project.lock).read_bytes())
    digest.update(f"{sys.version_info[:2]} {project.folder}".encode())
    return digest.hexdigest()
