"""The README's tour, followed to the letter; only ports are free ones, and logs do not follow for ever."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_five_minutes(tmp_path: Path) -> None:
    block = re.search(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    commands = [line[2:].split("   ")[0].strip() for line in block[1].splitlines() if line.startswith("$ ")]
    assert len(commands) > 8
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    folder, outputs = tmp_path, {}
    try:
        for command in commands:
            if command.startswith("cd "):
                folder = folder / command[3:]
                continue
            written = command.replace("nexus up", "nexus up --free-ports").replace(
                "logs order -f", "logs order"
            )
            if written.startswith("curl"):
                units = json.loads(outputs["nexus status"])
                url = next(unit["url"] for unit in units if unit["name"] == "gateway")
                written = written.replace("http://127.0.0.1:3000", url).replace("curl", "curl -sf")
            if written == "nexus status":
                written += " -o json"
            done = subprocess.run(
                ["bash", "-c", written],
                cwd=folder,
                env=env,
                capture_output=True,
                text=True,
                check=False,
                timeout=180,
            )
            expected = 10 if written == "nexus plan" else 0
            assert done.returncode == expected, f"{written}\n{done.stdout}{done.stderr}"
            outputs[command] = done.stdout
    finally:
        subprocess.run(
            ["bash", "-c", "nexus down --volumes"], cwd=folder, env=env, capture_output=True, check=False
        )
    assert outputs["nexus lint"] == "no findings\n"
    assert any(
        json.loads(text) == {"items": [], "next_cursor": None} for c, text in outputs.items() if "curl" in c
    )
