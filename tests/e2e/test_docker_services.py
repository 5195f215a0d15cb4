"""Generated services in containers: their images are built, start as others than root and serve."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import Run, engine_with
from tests.e2e.conftest import spawn, states

BASES = ("node:24-slim", "golang:1.26-trixie", "gcr.io/distroless/static-debian13:nonroot")

PLATFORM = "nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml]\n"
ASKED = "fetch(process.env.CATALOG_URL + '/health').then((r) => console.log(process.getuid(), r.status))"


@pytest.mark.timeout(900)
def test_services_of_two_languages_come_up_and_reach_each_other(
    workspace: Path, nexus: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_with(*BASES)
    monkeypatch.setenv("NEXUS_ENGINE", "docker")
    (workspace / "nexus.yaml").write_text(PLATFORM)
    nexus("generate", "app", "catalog", "--type", "go", "--uses", "none")
    nexus("generate", "app", "order", "--type", "fastify", "--uses", "catalog")
    try:
        up = spawn(workspace, "up", "--free-ports")
        out, err = up.communicate(timeout=800)  # nothing of what the images need may be cached
        assert up.returncode == 0, out + err
        assert set(states(nexus).values()) == {"ready"}
        for unit in json.loads(nexus("status", "-o", "json").stdout):
            with urllib.request.urlopen(f"{unit['url']}/health/ready", timeout=10) as answer:
                assert json.load(answer)["status"] == "ready"
        who = nexus("exec", "order", "--", "node", "-e", ASKED)
        assert who.stdout.split() == ["10001", "200"], who.stderr
        assert nexus("plan").returncode == 0
    finally:
        nexus("down", "--volumes")
