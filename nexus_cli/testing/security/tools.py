"""The programs that look for faults in files: pinned, in an environment of their own."""

from __future__ import annotations

import threading
from pathlib import Path

from nexus_cli.engine import tools
from nexus_cli.errors import NexusError
from nexus_cli.process import Completed
from nexus_cli.testing.programs import environment, run_program
from nexus_cli.testing.run import Asked

_one = threading.Lock()
_LOCK = Path(__file__).resolve().parent.parent / "locks" / "security.lock"


class MissingError(NexusError):
    """A program is not there and could not be brought."""


def folder(asked: Asked) -> Path:
    """Where the programs are; installed when that has not been done."""
    with _one:
        try:
            return tools.environment("security", _LOCK, "what security tests use", asked.progress) / "bin"
        except NexusError as error:
            raise MissingError(error.message, hint=error.hint) from error


def run(asked: Asked, program: str, *arguments: str, cwd: Path | None = None) -> Completed:
    """Run one of them in the workspace, or in a folder of it."""
    programs = folder(asked)
    # semgrep would send what it has found to its makers, and ask for news.
    quiet = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0", "PYTHONUTF8": "1"}
    command = [str(programs / program), *arguments]
    return run_program(asked, command, cwd=cwd or asked.workspace.root, env=environment([programs], quiet))
