"""The one place where generated files meet the disk: compare them, then write all of them or none.

A manifest beside the generated files holds the SHA-256 of each as it was generated, in the format of
`sha256sum`. It is kept in git and tells what a person changed since: such a file is never overwritten.

Writing is a transaction in `.nexus/transaction`, which is on the same file system: `new/N` holds what will
be written, `old/N` what was there, `journal` says which is which. Until the journal exists nothing has
changed; once it is gone the change is complete; in between, `recover` undoes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import signal
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.workspace import private_folder, write_atomic
from nexus_generators.generator import File, Files, text, under

MANIFEST = ".nexus-manifest"

_FOLDER = Path(".nexus", "transaction")
_JOURNAL = "journal"

Base = Mapping[str, str]
"""SHA-256 of what was generated last, by path."""

Status = Literal["created", "updated", "removed", "same", "kept", "conflict"]

_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_FORBIDDEN = {".git", ".nexus"}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one path: `file` is what was generated (None: no longer), `before` what lies there."""

    path: str
    status: Status
    file: File | None
    before: str | None


def manifest(files: Files) -> File:
    """The record of generated files that a person might change; seeds are the person's from the start."""
    lines = (f"{file.digest}  {path}\n" for path, file in sorted(files.items()) if not file.seed)
    return text("".join(lines))


def managed(files: Files, root: Path, folder: str) -> tuple[dict[str, File], dict[str, str]]:
    """Files of `folder` with their manifest, and the base that its present manifest records."""
    base = {f"{folder}/{path}": digest for path, digest in _recorded(root / folder / MANIFEST).items()}
    present = _digest(root / folder / MANIFEST)
    if present is not None:
        base[f"{folder}/{MANIFEST}"] = present
    return under(folder, {**files, MANIFEST: manifest(files)}), base


def untouched(root: Path, paths: Collection[str]) -> frozenset[str]:
    """Those of the paths below `root` that were generated and are as they were generated."""
    same: set[str] = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name == MANIFEST:
            recorded = {f"{folder}/{inside}": digest for inside, digest in _recorded(root / path).items()}
            same.update(
                one for one, digest in recorded.items() if one in paths and _digest(root / one) == digest
            )
    return frozenset(same)


def _recorded(path: Path) -> dict[str, str]:
    """The digests in a manifest; a line that cannot be read (a merge mark) makes its file an unknown one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {match[2]: match[1] for line in lines if (match := _LINE.fullmatch(line))}


def compare(files: Files, root: Path, *, base: Base | None = None) -> list[Change]:
    """What writing the files below `root` would do, by path; reads the disk and changes nothing.

    - created: nothing is there · updated: what is there is what was generated last · same: nothing to do
    - kept: only the person changed it, or it is a seed · conflict: both changed, or it is nobody's yet
    - removed: generated last, no longer, and untouched
    """
    base = base or {}
    _check_paths(files, root)
    changes = [_change(path, file, root, base.get(path)) for path, file in files.items()]
    changes.extend(_orphans(files, root, base))
    return sorted(changes, key=lambda change: change.path)


def _change(path: str, file: File, root: Path, generated: str | None) -> Change:
    before = _digest(root / path)
    status: Status
    if before is None:
        status = "created"
    elif before == file.digest:
        executable = bool((root / path).stat().st_mode & stat.S_IXUSR)
        status = "same" if executable == file.executable or file.seed else "updated"
    elif file.seed or generated == file.digest:
        status = "kept"
    else:
        status = "updated" if before == generated else "conflict"
    return Change(path, status, file, before)


def _orphans(files: Files, root: Path, base: Base) -> Iterable[Change]:
    for path, generated in base.items():
        if path in files or not _is_inside(path, root):
            continue
        before = _digest(root / path)
        if before is not None:
            yield Change(path, "removed" if before == generated else "kept", None, before)


def conflicts(changes: Iterable[Change]) -> list[str]:
    """The paths that a person changed and that were generated differently since."""
    return [change.path for change in changes if change.status == "conflict"]


def write(changes: Iterable[Change], root: Path, *, force: bool = False) -> None:
    """Carry out all changes or none of them: after any fault or Ctrl-C, `root` is as it was.

    A conflict raises, unless `force`: then the generated file is written and the person's kept beside it.
    """
    changes = list(changes)
    clashes = conflicts(changes)
    if clashes and not force:
        raise NexusError(
            "changed by you and by the template since they were generated:\n"
            + "\n".join(f"  {p}" for p in clashes),
            hint="nothing was written; --force writes the new ones and keeps yours beside them as NAME.orig",
        )
    recover(root)
    replacements = []
    for change in changes:
        if change.status in {"same", "kept"}:
            continue
        _check_path(change.path, root)
        if _digest(root / change.path) != change.before:
            raise NexusError(
                f"{change.path} was changed while it was being generated",
                hint="nothing was written; run it again",
            )
        if change.status == "conflict":
            replacements.append(_original(root, change.path))
        content = change.file.content if change.file else None
        mode = 0o755 if change.file and change.file.executable else 0o644
        replacements.append(Replacement(change.path, content, mode))
    commit(replacements, root)


def _original(root: Path, path: str) -> Replacement:
    names = (f"{path}.orig{number or ''}" for number in range(1000))
    free = next(name for name in names if not (root / name).exists())
    present = root / path
    return Replacement(free, present.read_bytes(), stat.S_IMODE(present.stat().st_mode))


def _digest(path: Path) -> str | None:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder where a file should be written", hint="move it away") from error
    except OSError as error:
        raise NexusError(f"cannot read {path}: {error.strerror}") from error


def _check_paths(files: Files, root: Path) -> None:
    for path in files:
        _check_path(path, root)
        parent = next((str(p) for p in PurePosixPath(path).parents if str(p) in files), None)
        if parent is not None:
            raise UsageError(f"{parent!r} is generated both as a file and as a folder")


def _is_inside(path: str, root: Path) -> bool:
    try:
        _check_path(path, root)
    except UsageError:
        return False
    return True


def _check_path(path: str, root: Path) -> None:
    """Refuse what does not lie plainly below root: `..`, absolute, through a link, git's or nexus' own."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or str(pure) != path:
        raise UsageError(f"refused to write {path!r}: it leaves the folder that is being generated")
    if not path.isprintable() or "\\" in path:
        raise UsageError(f"refused to write {path!r}: a file name of printable characters is expected")
    owned = next((part for part in pure.parts if part.lower() in _FORBIDDEN), None)
    if owned is not None:
        raise UsageError(f"refused to write {path!r}: {owned} is not for templates")
    for place in [*reversed(pure.parents[:-1] if len(pure.parts) > 1 else []), pure]:
        if (root / place).is_symlink():
            raise UsageError(
                f"refused to write {path!r}: {str(place)!r} is a symbolic link", hint="replace the link"
            )
        if place != pure and (root / place).exists() and not (root / place).is_dir():
            raise UsageError(f"cannot write {path!r}: {str(place)!r} is a file", hint="move it away")


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a path holds afterwards; no content means that the file goes."""

    path: str
    content: bytes | None
    mode: int = 0o644


def commit(replacements: Sequence[Replacement], root: Path) -> None:
    """Make all replacements below `root`, which is made when missing, or leave everything as it was."""
    if not replacements:
        return
    made = _missing(root / ".nexus")
    with _faults_named():
        try:
            private_folder(root / ".nexus")
            with _locked(root):
                _swap(replacements, root)
        except BaseException:
            _remove_folders(made)
            raise


def recover(root: Path) -> bool:
    """Undo what a killed run left half done; says whether there was anything."""
    if not (root / _FOLDER).is_dir():
        return False
    with _faults_named(), _locked(root):
        return _clean(root)


def _clean(root: Path) -> bool:
    work = root / _FOLDER
    found = (work / _JOURNAL).exists()
    if found:
        _undo(root, json.loads((work / _JOURNAL).read_text(encoding="utf-8")))
    if work.exists():
        shutil.rmtree(work)
    return found


def _swap(replacements: Sequence[Replacement], root: Path) -> None:
    work = root / _FOLDER
    _clean(root)
    try:
        journal = _stage(replacements, root, work)
        with _uninterrupted():
            write_atomic(work / _JOURNAL, json.dumps(journal), mode=0o600)
            _sync(work)
            for number, step in enumerate(journal["steps"]):
                _apply(root, work, number, step)
            for folder in {(root / step["path"]).parent for step in journal["steps"]}:
                _sync(folder)
        (work / _JOURNAL).unlink()
    except BaseException:
        with _uninterrupted():
            _clean(root)
        raise
    shutil.rmtree(work, ignore_errors=True)


def _stage(replacements: Sequence[Replacement], root: Path, work: Path) -> dict[str, Any]:
    """Write every new content beside the workspace's files and say what will be done with it."""
    (work / "new").mkdir(mode=0o700, parents=True)
    (work / "old").mkdir(mode=0o700)
    steps = []
    for number, replacement in enumerate(replacements):
        if replacement.content is not None:
            staged = work / "new" / str(number)
            with staged.open("wb") as stream:
                stream.write(replacement.content)
                stream.flush()
                os.fsync(stream.fileno())
            staged.chmod(replacement.mode)
        old = _digest(root / replacement.path)
        new = None if replacement.content is None else sha256(replacement.content).hexdigest()
        steps.append({"path": replacement.path, "old": old, "new": new})
    folders = {str(parent) for r in replacements for parent in PurePosixPath(r.path).parents}
    missing = sorted((f for f in folders if not (root / f).is_dir()), key=lambda f: f.count("/"))
    return {"steps": steps, "folders": missing}


def _apply(root: Path, work: Path, number: int, step: dict[str, Any]) -> None:
    target, old, new = root / step["path"], work / "old" / str(number), work / "new" / str(number)
    if step["new"] is None:
        target.replace(old)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if step["old"] is not None:
        try:
            os.link(target, old, follow_symlinks=False)
        except OSError:  # a file system without hard links
            shutil.copy2(target, old)
    new.replace(target)


def _undo(root: Path, journal: dict[str, Any]) -> None:
    """Put back what was there; what someone changed since is theirs and stays."""
    for number, step in reversed(list(enumerate(journal["steps"]))):
        target, old = root / step["path"], root / _FOLDER / "old" / str(number)
        if _digest(target) != step["new"]:
            continue
        if old.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            old.replace(target)
        elif step["old"] is None:
            target.unlink(missing_ok=True)
    for folder in reversed(journal["folders"]):
        with contextlib.suppress(OSError):
            (root / folder).rmdir()
    (root / _FOLDER / _JOURNAL).unlink()


def _sync(folder: Path) -> None:
    if not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing(folder: Path) -> list[Path]:
    return [place for place in (folder, *folder.parents) if not place.exists()]


def _remove_folders(folders: Sequence[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            (folder / "writing").unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    descriptor = os.open(root / ".nexus" / "writing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM for the few milliseconds in which files are swapped."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


@contextlib.contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        advice = "free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "check who owns it"
        raise NexusError(
            f"cannot write{place}: {error.strerror or error}",
            hint=f"{advice} and run it again; nothing was changed",
        ) from error
