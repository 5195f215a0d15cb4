"""Start-up is a feature: what importing the command line costs."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "docker",
    "git",
    "copier",
    "jinja2",
    "pydantic",
    "rich",
    "yaml",
    "psutil",
    "joserfc",
    "ruamel",
    "asyncio",
}


def modules(code: str, *arguments: str) -> list[str]:
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stderr.splitlines()[-1])


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = {name.split(".")[0] for name in modules("import nexus_cli.cli")}
    assert loaded & HEAVY == set()


def test_the_version_loads_almost_nothing() -> None:
    loaded = modules("sys.argv = ['nexus', '--version']\nfrom nexus_cli.__main__ import main\nmain()")
    assert len(loaded) < 200
    assert "typer" not in loaded
