"""What `rollback --plan` promises, and where it refuses; releases are made, and nothing runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.release.deploy import target
from nexus_cli.release.estate import estate
from nexus_cli.release.make import release_of
from nexus_cli.workspace import Workspace
from tests.conftest import Run, service

PLATFORM = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'
PLACE = "nexus: v1\nkind: environment\nname: production\ntarget: {process: true}\n"
MIGRATIONS = {
    "v1": {"0001_begin": "CREATE TABLE orders (id int, name text);"},
    "v2": {
        "0002_no_name": "ALTER TABLE orders DROP COLUMN name;",
        "0003_more": "CREATE TABLE more (id int);",
    },
}


@pytest.fixture
def _serves_v2(workspace: Path, write) -> None:
    (workspace / "nexus.yaml").write_text(PLATFORM)
    write("production", PLACE)
    write("order", service("order", 8200, run="{serve: [python, server.py]}", secrets="[API_KEY]"))
    place = estate(Workspace(workspace), "production")
    folder = workspace / "services" / "order"
    (folder / "migrations").mkdir(parents=True)
    (folder / "requirements.lock").write_text("")
    for version, texts in MIGRATIONS.items():
        (folder / "server.py").write_text(f"# {version}")
        for name, text in texts.items():
            (folder / "migrations" / f"{name}.sql").write_text(text)
        release_of(place.workspace, load(workspace), place.ledger, lambda _: None, version=version)
    live = target(place, place.release("v2"), (), None)
    place.ledger.append("production", "live", {"run": 0, "step": "", "live": live.as_dict()})


@pytest.mark.usefixtures("_serves_v2")
def test_a_migration_that_lost_data_is_named_and_has_to_be_accepted(nexus: Run) -> None:
    back = ("rollback", "production", "--version", "v1", "--plan")
    refused = nexus(*back)
    assert refused.returncode == 1
    assert "order: 0002_no_name (ALTER TABLE orders DROP COLUMN name;)" in refused.stderr
    assert "0003_more" not in refused.stderr
    assert "--accept-data-loss" in refused.stderr
    told = nexus(*back, "--accept-data-loss", "-o", "json")
    assert told.returncode == 0, told.stderr
    planned = json.loads(told.stdout)
    assert planned["restored"] == ["order: code, configuration, variables and routes of v1, on new replicas"]
    lost = " (ALTER TABLE orders DROP COLUMN name;)"
    assert planned["stays"] == [
        f"the data of order: migrated by 0002_no_name, which v1 does not know{lost}",
        "the data of order: migrated by 0003_more, which v1 does not know",
        "the values of API_KEY: as env has them today",
    ]
