"""The library template: installed in an environment of its own, its checks and tests pass."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read

HOSTILE = 'It\'s "quoted" {{ 7 * 7 }} # : & * ! | > % @ ` ü 漢字 🚀 \\n $HOME ${x}'


@pytest.mark.parametrize(
    "data",
    [
        {"name": "my-lib", "scope": "nexus", "platform": "shop"},
        {"name": "money", "title": HOSTILE, "description": HOSTILE, "platform": "shop"},
    ],
    ids=["scoped", "hostile"],
)
def test_it_installs_and_is_clean(tmp_path: Path, data: dict[str, str]) -> None:
    template = read(bundled("templates") / "package/library", "package/library")
    for path, file in builtin.render(template, data, folder=data["name"]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(file.content)

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    uv = str(Path(sysconfig.get_path("scripts"), "uv"))
    run(uv, "venv", "--quiet", ".venv")
    run(uv, "pip", "install", "--quiet", "--python", ".venv", "--editable", ".", "--group", "dev")
    run(".venv/bin/ruff", "check", ".")
    run(".venv/bin/ruff", "format", "--check", ".")
    run(".venv/bin/mypy")
    run(".venv/bin/pytest", "--quiet", "--cov", "src")
