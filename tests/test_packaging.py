"""The wheel holds what the checkout holds, and works where there is no checkout."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)],
        check=True,
        timeout=120,
    )
    return next(folder.glob("*.whl"))


def tracked(folder: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


@pytest.mark.parametrize("folder", ["templates", "blueprints"])
def test_the_wheel_holds_every_file_of_the_data(wheel: Path, folder: str) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = {name for name in tracked(folder) if f"nexus_cli/_data/{name}" not in names}
    assert missing == set()


def test_the_wheel_works_by_itself(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", str(environment)], check=True, timeout=60)
    python = environment / "bin" / "python"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(python), str(wheel)], check=True, timeout=180
    )
    nexus = str(environment / "bin" / "nexus")
    said = subprocess.run([nexus, "--version"], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.startswith("nexus ")
    subprocess.run([nexus, "init", "acme"], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    made = tmp_path / "acme"
    subprocess.run([nexus, "generate", "app", "order"], cwd=made, capture_output=True, check=True, timeout=60)
    linted = subprocess.run([nexus, "lint"], cwd=made, capture_output=True, text=True, check=True, timeout=60)
    assert linted.stdout == "no findings\n"
