"""Generated services in containers: their images are built, start as others than root and serve."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from nexus_cli.engine.docker.client import connect
from tests.conftest import Run, engine_with
from tests.e2e.conftest import spawn, states

BASES = ("node:24-slim", "golang:1.26-trixie", "gcr.io/distroless/static-debian13:nonroot")

PLATFORM = "nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml]\n"
ASKED = "fetch(process.env.CATALOG_URL + '/health').then((r) => console.log(process.getuid(), r.status))"


@pytest.mark.timeout(900)
def test_services_of_two_languages_come_up_and_reach_each_other(
    workspace: Path, nexus: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = engine_with(*BASES)
    monkeypatch.setenv("NEXUS_ENGINE", "docker")
    (workspace / "nexus.yaml").write_text(PLATFORM)
    nexus("generate", "app", "catalog", "--type", "go", "--uses", "none")
    nexus("generate", "app", "order", "--type", "fastify", "--uses", "catalog")
    try:
        up = spawn(workspace, "up", "--free-ports")
        out, err = up.communicate(timeout=800)  # nothing of what the images need may be cached
        assert up.returncode == 0, out + err
        assert set(states(nexus).values()) == {"ready"}
        units = json.loads(nexus("status", "-o", "json").stdout)
        for unit in units:
            with urllib.request.urlopen(f"{unit['url']}/health/ready", timeout=10) as answer:
                assert json.load(answer)["status"] == "ready"
        who = nexus("exec", "order", "--", "node", "-e", ASKED)
        assert who.stdout.split() == ["10001", "200"], who.stderr
        assert nexus("plan").returncode == 0
        small_and_nobodys(where, next(unit["container"] for unit in units if unit["name"] == "catalog"))
    finally:
        nexus("down", "--volumes")


def small_and_nobodys(engine: str, container: str) -> None:
    """Nothing but the program is in the image of a Go service, and nobody special runs it."""
    described = connect(engine).containers.get(container)
    assert described.image.attrs["Size"] < 40_000_000
    assert described.image.attrs["Config"]["User"] == "65532:65532"
    assert described.exec_run(["/usr/local/bin/catalog", "health"]).exit_code == 0
    assert b'"listening"' in described.logs()
