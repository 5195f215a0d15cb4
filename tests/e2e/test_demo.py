"""The demo, as `make demo` runs it: from nothing to an order in the database, and back to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import processes_of

DEMO = Path(__file__).resolve().parents[2] / "examples" / "shop" / "demo.py"


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NEXUS_ENGINE"}
    return subprocess.run(
        [sys.executable, str(DEMO), "--folder", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=environment,
    )


@pytest.mark.parametrize("engine", ["process", "docker"])
def test_from_nothing_to_an_order_and_back(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine == "docker":
        request.getfixturevalue("docker_engine")
    folder = tmp_path / "demo"
    try:
        done = demo(folder, "--engine", engine)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "stock 10 -> 7" in done.stdout
        assert "quantity=3   total=13.50" in done.stdout
        for unit in ("gateway", "nats", "postgres", "redis", "catalog", "order"):
            assert f"{unit}" in done.stdout
        again = demo(folder, "--engine", engine)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "stock 10 -> 7" in again.stdout
    finally:
        down = demo(folder, "--down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert not folder.exists()
    assert processes_of(folder) == []
