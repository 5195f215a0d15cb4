"""Integration tests: `tests/integration` of the workspace, against a copy of what it asks for."""

from __future__ import annotations

import json
from pathlib import Path

from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.platform_tests import run_folder
from nexus_cli.testing.run import Asked
from nexus_cli.testing.stand import shown, stand
from nexus_cli.workspace import write_atomic

KIND = "integration"


def run(asked: Asked, tell: Tell) -> None:
    """Bring up the copy, run the tests, and leave nothing."""
    folder = asked.workspace.root / "tests" / KIND
    if not has_tests(folder):
        tell(Case(KIND, "platform", "tests", "not run", message=f"no test_*.py in {folder.name}/"))
        return
    with stand(asked, asked.among_services) as made:
        told = asked.folder(KIND) / "stack.json"
        write_atomic(told, json.dumps(shown(made)), mode=0o600)
        try:
            run_folder(asked, KIND, folder, {"NEXUS_STACK": str(told)}, tell)
        finally:
            told.unlink(missing_ok=True)  # it holds passwords


def has_tests(folder: Path) -> bool:
    """Whether pytest would find something there."""
    return any(folder.rglob("test_*.py")) or any(folder.rglob("*_test.py"))
