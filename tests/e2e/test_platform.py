"""`nexus up --platform`: one command from an empty folder to a platform of the catalogue."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.conftest import NEXUS, Run


def asked(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "NEXUS_WORKSPACE"}
    return subprocess.run(
        [*NEXUS, *arguments],
        cwd=folder,
        env={**env, "NEXUS_ENGINE": "process"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_from_an_empty_folder(tmp_path: Path) -> None:
    would = asked(tmp_path, "up", "--platform", "starter", "--dry-run")
    assert (would.returncode, "would be made and started" in would.stderr) == (0, True), would.stderr
    assert list(tmp_path.iterdir()) == []

    root = tmp_path / "starter"
    try:
        done = asked(tmp_path, "up", "--platform", "starter", "redis", "--free-ports")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{root}: is a new workspace" in done.stderr
        assert {path.name for path in (root / "services").iterdir()} > {"backend", "notification"}
        again = asked(tmp_path, "up", "--platform", "starter", "redis")
        assert (again.returncode, "a new workspace" in again.stderr) == (0, False), again.stderr
        units = json.loads(asked(root, "status", "-o", "json").stdout)
        assert [unit["name"] for unit in units if unit["health"] == "ready"] == ["redis"]
        plan = asked(root, "up", "--platform", "starter", "--dry-run").stdout
        assert "backend" in plan
    finally:
        asked(root, "down", "--volumes")


def test_a_workspace_that_has_not_all_of_it(workspace: Path, nexus: Run) -> None:
    wrong = nexus("up", "--platform", "starter")
    assert wrong.returncode == 2
    assert "has not all of the platform starter: no backend, " in wrong.stderr
    assert "hint: outside of this workspace" in wrong.stderr
    unknown = nexus("up", "--platform", "startr")
    assert (unknown.returncode, 'hint: did you mean "starter"?' in unknown.stderr) == (2, True)
    assert not (workspace / "starter").exists()
