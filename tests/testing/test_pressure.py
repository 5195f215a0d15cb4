"""What takes cores, memory and disks from others really does, and ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nexus_cli.testing.chaos import actions
from tests.support.small_disk import small_disk

PROGRAM = Path(actions.__file__).with_name("pressure.py")
_SIZE = 64 << 20


@contextmanager
def pressure(seconds: float, *how: str) -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, str(PROGRAM), str(seconds), *how]) as running:
        try:
            yield psutil.Process(running.pid)
        finally:
            running.terminate()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)


def _state(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return ""


def test_cores_are_busy_and_free_again_when_the_time_is_over() -> None:
    with pressure(1.5, "cpu", "2") as running:
        until(lambda: len(running.children()) == 1)
        both = [running, *running.children()]
        until(lambda: {_state(one) for one in both} == {"running"})
        until(lambda: {_state(one) for one in both} <= {"zombie", ""})


def test_memory_is_taken_page_by_page() -> None:
    with pressure(20, "memory", str(_SIZE)) as running:
        until(lambda: running.memory_info().rss > _SIZE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_is_full_and_as_before_when_it_ends(tmp_path: Path) -> None:
    disk = tmp_path / "data"
    disk.mkdir()
    with small_disk(disk, "8m"):
        (disk / "kept").write_text("data")
        with pressure(20, "disk", str(disk)):
            until(lambda: os.statvfs(disk).f_bavail == 0)
            with pytest.raises(OSError, match="No space left"):
                (disk / "more").write_bytes(b"x" * 8192)
        assert {path.name for path in disk.iterdir()} <= {"kept", "more"}
        assert os.statvfs(disk).f_bavail > 0
