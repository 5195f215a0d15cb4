"""The Dockerfiles of the service templates: what hadolint, the judge of their kind, says of them."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest
from rendering import COMBINATIONS, TOP, render

from nexus_cli.blueprint.types import SERVICE_TYPES

HADOLINT = str(Path(sysconfig.get_path("scripts"), "hadolint"))
MONEY = {"name": "money", "scope": "", "path": "../../packages/money"}


@pytest.mark.parametrize("name", ["plain", "everything"])
@pytest.mark.parametrize("kind", list(SERVICE_TYPES))
def test_it_follows_the_rules(tmp_path: Path, kind: str, name: str) -> None:
    more = {"packages": [MONEY]} if name == "everything" else {}
    template = TOP / "templates" / "service" / kind
    folder = render(tmp_path / name, {**COMBINATIONS[name], **more, "name": name}, template)
    done = subprocess.run(
        [HADOLINT, "--no-color", "Dockerfile"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_breaks_a_rule_is_found(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN apt-get install curl\n")
    done = subprocess.run([HADOLINT, "Dockerfile"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DL3006" in done.stdout
