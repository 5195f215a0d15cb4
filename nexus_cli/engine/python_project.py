"""A Python service's environment `<folder>/.venv`: built from its lock, replaced whole or not at all.

What a lock names is installed and compiled once for all projects with the same lock; each project's
environment is made of links to those files, so that what is removed from one stays in the others.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nexus_cli.engine import bytecode
from nexus_cli.engine.engine import Progress
from nexus_cli.engine.tools import only_one, reason, remove, replace_folder, tools_folder, uv
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.unit import PythonProject

STAMP = "nexus-stamp"
_PACKAGE_LOCK = "requirements.lock"


def environment(project: PythonProject) -> Path:
    """The project's virtual environment."""
    return project.place or project.folder / ".venv"


def programs(project: PythonProject) -> Sequence[Path]:
    """The environment's programs."""
    return [environment(project) / "bin"]


def variables(project: PythonProject) -> Mapping[str, str]:
    """How programs know that they run in it."""
    return {"VIRTUAL_ENV": str(environment(project))}


def built(project: PythonProject) -> bool:
    """Whether the environment fits the lock; one that a person made is taken as it is."""
    venv = environment(project)
    if not (venv / "bin" / "python").exists():
        return False
    return not _ours(venv) or (venv / STAMP).read_text(encoding="utf-8") == _stamp(project)


def build(project: PythonProject, progress: Progress) -> None:
    """Build the environment, unless it fits; a kill at any moment leaves the old one or the new one."""
    venv = environment(project)
    stamp = _stamp(project)
    venv.parent.mkdir(parents=True, exist_ok=True)
    with only_one(project.folder):
        if built(project):
            if not _ours(venv):
                progress(f"{venv} was not made by nexus and is used as it is; remove it to have it built")
            return
        if venv.exists() and not _ours(venv):
            raise NexusError(
                f"{venv} has no python, and was not made by nexus",
                hint="remove it, then run the command again",
            )
        fresh = venv.with_name(f"{venv.name}.new")
        remove(fresh)
        _fill(project, fresh, progress)
        (fresh / STAMP).write_text(stamp, encoding="utf-8")
        replace_folder(venv, fresh)
        remove(fresh)


def _fill(project: PythonProject, fresh: Path, progress: Progress) -> None:
    progress(f"building {environment(project)}")
    locks = [path for path in _locks(project) if _names_something(path)]
    pattern = tools_folder() / f"python-{_digest(locks)}"
    with only_one(pattern.with_name(f"{pattern.name}.lock")):
        if not pattern.is_dir():
            _install(project, locks, pattern, progress)
    shutil.copytree(pattern, fresh, symlinks=True, copy_function=_link)
    sources = _sources(project)
    if sources:
        site = next((fresh / "lib").glob("python*/site-packages"))
        lines = [f"../../../../{source}\n" for source in sources]  # from there to the environment's parent
        (site / "nexus-src.pth").write_text("".join(lines), encoding="utf-8")


def _install(project: PythonProject, locks: Sequence[Path], pattern: Path, progress: Progress) -> None:
    """Make the environment of some locks, compiled, for all projects that have the same ones."""
    quiet: Progress = lambda _: None  # noqa: E731
    with tempfile.TemporaryDirectory(dir=pattern.parent, prefix=f".{pattern.name}.") as temporary:
        venv = Path(temporary) / "venv"
        made = uv(
            *("venv", "--relocatable", "--python", sys.executable, str(venv)),
            cwd=pattern.parent,
            progress=quiet,
        )
        if made.code:
            raise NexusError(f"the environment of {project.folder} could not be made: {reason(made)}")
        if locks:
            done = uv(
                *("pip", "install", "--python", str(venv / "bin" / "python")),
                "--require-hashes",
                *(word for path in locks for word in ("-r", str(path))),
                cwd=project.folder,
                progress=progress,
            )
            if done.code:
                raise NexusError(
                    f"{', '.join(map(str, locks))} could not be installed: {reason(done)}",
                    hint="check the network and the package index settings of uv, then run the command again",
                )
            others = [path for path in pattern.parent.glob("python-*") if path.is_dir()]
            bytecode.compile_(venv, others)
        venv.rename(pattern)


def _link(source: str, target: str) -> None:
    """One file for all environments that have it, where the file system can; else a copy."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _digest(locks: Sequence[Path]) -> str:
    """What an environment follows from: the locks and the interpreter."""
    digest = hashlib.blake2b(f"{sys.base_prefix} {sys.version}".encode(), digest_size=12)
    for path in locks:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _locks(project: PythonProject) -> list[Path]:
    """The service's lock, and those of the packages that it uses: what they need is installed together."""
    own = project.folder / project.lock
    return [own, *(folder / _PACKAGE_LOCK for folder in project.packages)]


def _names_something(lock: Path) -> bool:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return any(line.strip() and not line.startswith("#") for line in lines)


def _sources(project: PythonProject) -> list[str]:
    """Where code is found as it lies there, from the environment's parent: its own, then that of packages."""
    own = [project.folder] if (project.folder / "src").is_dir() else []
    place = environment(project).parent
    return [os.path.relpath(folder / "src", place) for folder in (*own, *project.packages)]


def _stamp(project: PythonProject) -> str:
    """What the environment is made from: the locks, the interpreter, and where code is found."""
    digest = hashlib.blake2b(digest_size=16)
    for path in _locks(project):
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise UsageError(
                f"cannot read {path}: {error.strerror}", hint="generate it, or write it with `uv pip compile`"
            ) from error
    return f"{digest.hexdigest()} {platform.python_version()} {' '.join(_sources(project))}\n"


def _ours(venv: Path) -> bool:
    return (venv / STAMP).is_file()
