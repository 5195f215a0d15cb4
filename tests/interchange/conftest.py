"""Compose projects in folders, and Docker Compose itself as the judge of what they mean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NEXUS, Run

COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Makes a folder with files; a compose project unless it says otherwise."""

    def make(files: Mapping[str, str] | str, name: str = "app") -> Path:
        root = tmp_path / name
        for path, text in ({"compose.yaml": files} if isinstance(files, str) else files).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return root

    return make


def compose(root: Path, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Docker Compose, run in a project's folder."""
    return subprocess.run(
        [COMPOSE, *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=timeout
    )


def understood(root: Path, *arguments: str) -> dict[str, Any]:
    """What Docker Compose makes of a project."""
    done = compose(root, *arguments, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def run() -> Run:
    """The real command line in any folder."""

    def nexus(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*NEXUS, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "NEXUS_ENGINE": "docker", **env},
        )

    return nexus
