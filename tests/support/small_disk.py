"""File systems in memory that a test mounts, and none of which outlives its test for long."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path

import psutil

_MARK = "nexus-test-"


@contextmanager
def small_disk(folder: Path, size: str, *, mode: str = "700") -> Iterator[Path]:
    """The folder as a file system of that size, as `mount` writes it; taking it away waits for nobody."""
    mount(folder, size, mode=mode)
    try:
        yield folder
    finally:
        unmount(folder)


def mount(folder: Path, size: str, *, mode: str = "1777") -> None:
    """Lay a file system in memory over the folder; its name says which process answers for it."""
    options = f"size={size},mode={mode}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, f"{_MARK}{getpid()}", str(folder)], check=True)


def unmount(folder: Path) -> None:
    """Take a file system away, at once even if somebody still has a file of it open."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def unmount_abandoned() -> None:
    """Take away what tests left behind that were killed; pytest cannot remove their folders otherwise."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        name, folder, *_ = line.split()
        owner = name.removeprefix(_MARK)
        if owner != name and not psutil.pid_exists(int(owner)):
            with contextlib.suppress(subprocess.CalledProcessError):  # another run was faster
                unmount(Path(folder.encode().decode("unicode_escape")))
