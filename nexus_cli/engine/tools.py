"""Servers that come as wheels: installed once a user, pinned by hash, shared by all workspaces."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from nexus_cli import process
from nexus_cli.errors import NexusError
from nexus_cli.resources import bundled
from nexus_cli.unit import Wheel

_EXECUTABLE = 0o755


def home() -> Path:
    """The folder of all tools: NEXUS_TOOLS, or nexus/tools in the user's cache."""
    chosen = os.environ.get("NEXUS_TOOLS")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(cache) / "nexus" / "tools"


def folder(wheel: Wheel) -> Path:
    """Where a wheel is, or will be, installed."""
    return home() / wheel.requirement.replace("==", "-")


def programs(wheel: Wheel) -> Path:
    """The folder of a wheel's programs; its path may have a `*` where platforms differ."""
    top = folder(wheel)
    return next(iter(sorted(top.glob(wheel.path))), top) if wheel.path != "." else top


def installed(wheel: Wheel) -> bool:
    """Whether the wheel is there: its folder appears only when it is complete."""
    return folder(wheel).is_dir()


def install(wheel: Wheel, progress: Callable[[str], None]) -> None:
    """Download and unpack a wheel whose hash is locked; several processes may do so at once."""
    target = folder(wheel)
    if target.is_dir():
        return
    requirement = _locked(wheel)
    progress(f"installing {wheel.requirement}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".install-") as temporary:
        listed = Path(temporary) / "requirements.txt"
        listed.write_text(requirement, encoding="utf-8")
        unpacked = Path(temporary) / "tool"
        done = process.run(
            [uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-build", "--target"]
            + [str(unpacked), "--requirement", str(listed)],
            cwd=Path(temporary),
        )
        if done.code != 0:
            raise NexusError(
                f"cannot install {wheel.requirement}: {_reason(done.output)}",
                hint="check the network or the package index that uv is set up for, then run the command again",
            )
        for program in next(iter(unpacked.glob(wheel.path)), unpacked).iterdir() if wheel.path != "." else ():
            if program.is_file():
                program.chmod(_EXECUTABLE)
        try:
            unpacked.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            shutil.rmtree(unpacked)  # another process was faster


def uv() -> str:
    """The installer that came with nexus."""
    from uv import find_uv_bin

    return str(find_uv_bin())


def _locked(wheel: Wheel) -> str:
    lock = bundled("blueprints") / "components" / "embedded.lock"
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8"))
    for entry in entries:
        if entry.split(" ", 1)[0].lower() == wheel.requirement.lower():
            return entry + "\n"
    raise NexusError(
        f"{wheel.requirement} is not locked, so its content cannot be checked",
        hint=f"locked are: {', '.join(e.split(' ', 1)[0] for e in entries if '==' in e.split(' ', 1)[0])}",
    )


def _reason(output: str) -> str:
    lines = [line.strip(" ×╰─▶├│\t") for line in output.splitlines() if line.strip(" ×╰─▶├│\t")]
    return " / ".join(lines[:4]) if lines else "no reason given"
