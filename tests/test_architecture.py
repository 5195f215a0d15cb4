"""House rules that a program can check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "nexus_cli").rglob("*.py"), *(ROOT / "generators").rglob("*.py")])
ALONE = {
    "subprocess": {"nexus_cli/process.py"},
    "copier": {"nexus_cli/scaffold/external.py"},
    "git": {"nexus_cli/repo.py"},
    "docker": {"nexus_cli/engine/docker/client.py"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("outside", ALONE)
def test_one_module_per_outside_world(outside: str) -> None:
    users = {path.relative_to(ROOT).as_posix() for path in SOURCES if outside in imports(path)}
    assert users <= ALONE[outside]


def test_only_the_edge_prints() -> None:
    printers = {"render", "commands", "cli.py", "__main__.py"}
    for path in SOURCES:
        part = path.relative_to(ROOT).parts[1]
        if part in printers:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id == "print"), path


def test_every_module_says_what_it_means() -> None:
    for path in SOURCES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_the_project_speaks_of_itself_alone() -> None:
    words = ("a" + "nthropic", "c" + "laude", "s" + "ubagent")
    for path in SOURCES:
        text = path.read_text(encoding="utf-8").lower()
        assert not any(word in text for word in words), path
