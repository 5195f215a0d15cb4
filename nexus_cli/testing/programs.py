"""Programs that run tests: what they are told, and that they end with the run."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from nexus_cli.errors import NexusError
from nexus_cli.process import Completed, run
from nexus_cli.testing.run import Asked

_LINES = 20
_OURS = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "NEXUS_WORKSPACE"}
"""Variables that speak of where nexus itself was begun, not of what is tested."""


def environment(folders: Sequence[Path], variables: Mapping[str, str]) -> dict[str, str]:
    """This environment, with folders of programs first on the PATH and further variables."""
    own = {name: value for name, value in os.environ.items() if name not in _OURS}
    path = os.pathsep.join([*map(str, folders), own.get("PATH", os.defpath)])
    return {**own, "PATH": path, "NO_COLOR": "1", **variables}


def run_program(asked: Asked, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Completed:
    """Run one to its end, or to that of the time that was given."""
    return run(command, cwd=cwd, env=env, timeout=asked.timeout, among=asked.programs)


def broke(program: str, done: Completed) -> NexusError:
    """What is told of a program that ended before it could say what came of the tests.

    The last that it says as it goes on is where it was when a signal ended it.
    """
    if done.code < 0:
        where = Completed(done.code, done.out, "").last_line
        said = f"{program} was ended by {signal.Signals(-done.code).name}" + (f": {where}" if where else "")
    else:
        said = f"{program} broke: {done.last_line}"
    return NexusError(said, hint=tail(done))


def tail(done: Completed) -> str:
    """The last lines of what a program said, for whoever wants to know more."""
    return "\n".join((done.out + done.err).splitlines()[-_LINES:])


def relative(folder: Path, asked: Asked) -> str:
    """Where a folder lies in the workspace."""
    return os.path.relpath(folder, asked.workspace.root)


def fresh(path: Path) -> Path:
    """A file that a program is about to write, and that is not there before."""
    path.unlink(missing_ok=True)
    return path
