"""Workspaces to scaffold in, and the real binary."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from scaffolding import Run, ignore

from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.workspace import create

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same git identity on every machine, and nobody's Copier settings or caches."""
    for key, value in IDENTITY.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "copier-cache"))
    monkeypatch.delenv("NEXUS_WORKSPACE", raising=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A new workspace."""
    create("shop", tmp_path / "shop", Choice(), ignore)
    return tmp_path / "shop"


@pytest.fixture
def nexus() -> Run:
    """Run the real command line."""

    def run(
        *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "nexus_cli", *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run
