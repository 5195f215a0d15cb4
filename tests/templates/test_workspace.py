"""The workspace template: what it writes is valid and works."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from nexus_cli.blueprint.load import load
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    template = read(bundled("templates") / "workspace", "workspace")
    for path, file in builtin.render(template, {"name": "shop"}, folder="shop").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(file.content)
    return tmp_path


def test_every_yaml_and_json_file_can_be_read(shop: Path) -> None:
    for pattern in ("*.yaml", "*.yml"):
        for path in shop.rglob(pattern):
            assert isinstance(yaml.safe_load(path.read_text()), dict), path
    for path in shop.rglob("*.json"):
        assert isinstance(json.loads(path.read_text()), dict), path


def test_the_blueprints_load(shop: Path) -> None:
    platform = load(shop)
    assert list(platform.environments) == ["development"]
    assert list(platform.components) == ["gateway"]


def test_blueprints_shown_in_its_readmes_load_as_well(shop: Path) -> None:
    for readme in (shop / "blueprints").glob("*/README.md"):
        for number, block in enumerate(readme.read_text().split("```yaml\n")[1:]):
            (readme.parent / f"example-{number}.yaml").write_text(block.split("```")[0])
    with (shop / "nexus.yaml").open("a") as file:
        file.write('  - "catalogue:postgres"\n')
    platform = load(shop)
    assert list(platform.services) == ["order"]
    assert list(platform.packages) == ["money"]
    assert "mailbox" in platform.components
    assert "staging" in platform.environments


def test_its_python_is_clean(shop: Path) -> None:
    ruff = str(Path(sysconfig.get_path("scripts"), "ruff"))
    settings = ["--isolated", "--line-length", "110"]
    subprocess.run([ruff, "check", *settings, "--select", "E,F,I,UP,B", "tests"], cwd=shop, check=True)
    subprocess.run([ruff, "format", *settings, "--check", "tests"], cwd=shop, check=True)


def test_state_and_secrets_stay_out_of_git(shop: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=shop, check=True)
    for path in (".nexus/development/secrets.json", ".env", "services/order/.venv/x", "a.py.orig"):
        subprocess.run(["git", "check-ignore", "-q", path], cwd=shop, check=True)


@pytest.mark.parametrize(
    ("licence", "words"),
    [("MIT", "MIT License"), ("Apache-2.0", "Version 2.0, January 2004"), ("proprietary", "reserved")],
)
def test_the_licence_is_the_chosen_one(licence: str, words: str) -> None:
    template = read(bundled("templates") / "workspace", "workspace")
    files = builtin.render(template, {"name": "shop", "license": licence, "owner": "Acme"}, folder="shop")
    text = files["LICENSE"].content.decode()
    assert words in text
    assert text.endswith((".\n", "License.\n"))
