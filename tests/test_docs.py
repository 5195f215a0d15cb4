"""What is documented exists, and what exists is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nexus_cli.cli import COMMANDS
from nexus_cli.commands import environment, generate, history, images, import_, release, sdk, secret
from tests.conftest import Run

ROOT = Path(__file__).resolve().parent.parent
COMMANDS_PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
GROUPS = {
    "generate": generate.app,
    "import": import_.app,
    "secret": secret.app,
    "images": images.app,
    "env": environment.app,
    "release": release.app,
    "audit": history.audit,
    "sdk": sdk.app,
}
NAMES = [
    *(name for name, _, _ in COMMANDS),
    *(
        f"{group} {command.name or command.callback.__name__}"
        for group, app in GROUPS.items()
        for command in app.registered_commands
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_documented_and_has_examples(name: str, nexus: Run) -> None:
    assert f"nexus {name}" in COMMANDS_PAGE
    done = nexus(*name.split(), "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout


def test_every_documented_command_exists() -> None:
    known = {name.split()[0] for name in NAMES}
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"(?:`|\$ |\$\()nexus ([a-z]+)", text)
        assert named, page
        assert set(named) <= known, page


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_blueprint_in_the_manual_is_sound(workspace: Path, nexus: Run) -> None:
    text = (ROOT / "docs" / "blueprints.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(nexus: v1\nkind: service.*?)```", text, re.DOTALL)
    assert example
    (workspace / "blueprints" / "order.yaml").write_text(example[1])
    (workspace / "blueprints" / "catalog.yaml").write_text(
        "nexus: v1\nkind: service\nname: catalog\nport: 8020\nuses: [postgres]\n"
        "resources: {product: {fields: {name: string}}}\n"
    )
    done = nexus("lint")
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout
