"""The workspace: its root, its state folder, files written whole or not at all, and its lock."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Emit, Note

FILE = "nexus.yaml"
DEFAULT_ENVIRONMENT = "development"
_POLL = 0.05
_DEPLOYED = "deployed"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with a nexus.yaml; everything that nexus remembers about it lies in `.nexus/`, outside git."""

    root: Path

    @property
    def state(self) -> Path:
        """The state folder, mode 0700."""
        return self.root / ".nexus"

    def environment_state(self, environment: str) -> Path:
        """The state folder of one environment, made when missing."""
        folder = self.state / environment
        private_folder(self.state)
        private_folder(folder)
        return folder


def find(start: Path | None = None) -> Workspace:
    """The workspace that `start` (default: the current folder, or NEXUS_WORKSPACE) lies in."""
    chosen = start or Path(os.environ.get("NEXUS_WORKSPACE") or Path.cwd())
    begin = chosen.resolve()
    for folder in (begin, *begin.parents):
        if (folder / FILE).is_file():
            return Workspace(folder)
    raise UsageError(
        f"no {FILE} in {begin} or any folder above it",
        hint="change into a workspace, name one with --workspace, or make one with `nexus init NAME`",
    )


def around(chosen: Path | None = None) -> Path:
    """The folder of a workspace that may not be there yet: the chosen one, the one around, or this folder."""
    if chosen is not None:
        return chosen.resolve()
    try:
        return find().root
    except UsageError:
        return Path(os.environ.get("NEXUS_WORKSPACE") or Path.cwd()).resolve()


def private_folder(path: Path) -> None:
    """Make a folder that only this user can enter."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_atomic(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Replace a file by a temporary one, synced and renamed: afterwards it is whole, old or new."""
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> NexusError:
    hint = (
        "free some space and run the command again; nothing was changed"
        if error.errno == errno.ENOSPC
        else None
    )
    return NexusError(f"cannot write {path}: {error.strerror or error}", hint=hint)


def deployed(workspace: Workspace, environment: str) -> bool:
    """Whether releases run in the environment, and not what lies in this folder."""
    return (workspace.state / environment / _DEPLOYED).exists()


def mark_deployed(workspace: Workspace, environment: str) -> None:
    """From now on, what runs in the environment comes from releases."""
    write_atomic(workspace.environment_state(environment) / _DEPLOYED, "", mode=0o600)


def read_json(path: Path) -> dict[str, object]:
    """A state file's object; an absent one is empty, an unreadable one is a fault that names it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NexusError(f"cannot read {path}: {error}", hint="remove the file if nothing runs") from error
    return value if isinstance(value, dict) else {}


@contextlib.contextmanager
def lock(folder: Path, command: str, emit: Emit, *, wait: float = 600.0) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it when this process dies, however it dies.

    While another command holds it, says who; gives up after `wait` seconds.
    """
    private_folder(folder)
    path = folder / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, emit, wait)
        owner = {"pid": os.getpid(), "command": command, "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, emit: Emit, wait: float) -> None:
    deadline = time.monotonic() + wait
    said = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if time.monotonic() >= deadline:
                raise NexusError(
                    f"another command works on this environment: {holder}",
                    hint="wait until it is done, or stop it; --lock-timeout sets how long to wait",
                ) from None
            if not said:
                emit(Note(f"waiting for {holder}"))
                said = True
            time.sleep(_POLL)
        else:
            return


def _holder(descriptor: int) -> str:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
        age = max(0, round(time.time() - owner["since"]))
        return f"`nexus {owner['command']}` (pid {owner['pid']}, since {age} s)"
    except (ValueError, KeyError, TypeError):
        return "another nexus command"
