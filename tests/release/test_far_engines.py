"""Releases on engines of two other machines, over TLS and over SSH: built once, and no request lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus_cli.engine.docker.client import connect
from tests.support.far_engine import listen_with_tls, ssh_server
from tests.support.load import under_load
from tests.support.private_engine import PrivateEngine, need
from tests.support.shop import DEPLOY, Shop, opened, settled

IMAGES = ("python:3.13-slim", "envoyproxy/envoy:v1.40.0")
PORT = 3000  # of each machine
OPEN = {"public": "0.0.0.0"}


@pytest.fixture
def machines(
    docker_engine: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PrivateEngine, PrivateEngine]]:
    """Two machines with an engine each; the first listens for who has the certificates."""
    need("dockerd", "ip", "nsenter", "mount", "sshd", "ssh", "ssh-keygen")
    folder = tmp_path_factory.mktemp("far")  # a socket's path is short
    (tmp_path / "certificates").mkdir()
    with PrivateEngine(folder / "one") as staging, PrivateEngine(folder / "two") as production:
        listen_with_tls(staging, tmp_path / "certificates")
        for machine in (staging, production):
            machine.start()
            for image in IMAGES:
                machine.copy_image(image, docker_engine)
        yield staging, production


@pytest.fixture
def shop(
    machines: tuple[PrivateEngine, PrivateEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A shop with an environment on each of the machines."""
    monkeypatch.delenv("NEXUS_ENGINE")
    staging, production = machines
    certificates = str(tmp_path / "certificates")
    with ssh_server(production, tmp_path / "ssh") as (address, environment):
        monkeypatch.setenv("PATH", environment["PATH"])
        shop = opened(tmp_path / "shop", "docker", PORT)
        ports = {"gateway": {"http": PORT}}
        tls = {"docker": f"tcp://{staging.host}:2376", "certificates": certificates, **OPEN}
        shop.place("staging", target=tls, ports=ports)
        shop.place("production", target={"docker": address, **OPEN}, ports=ports)
        for name in ("catalog", "order"):
            shop.describe(name, deploy={**DEPLOY, "steps": [50, 100]}, health={"start": "60s"})
        shop.write("v1.1")
        yield shop


@pytest.mark.timeout(600)  # two engines begin empty
def test_from_one_machine_to_the_next(shop: Shop, machines: tuple[PrivateEngine, PrivateEngine]) -> None:
    staging, production = machines
    shop.ok("deploy", "staging")
    shop.ok("promote", "staging", "production")
    shop.write("v2")
    with under_load(PORT, host=staging.host) as load:
        settled(load)
        shop.ok("deploy", "staging", "--strategy", "blue-green")
        after = time.monotonic()
        settled(load)
        assert (load.failures(), load.said(after)) == ([], {"v2"})
        with under_load(PORT, host=production.host) as far:
            settled(far)
            said = shop.ok("promote", "staging", "production", "--strategy", "canary")
            after = time.monotonic()
            settled(far)
            assert (far.failures(), far.said(after)) == ([], {"v2"})
            assert "MB have come" in said
            assert shop.images("production") == shop.images("staging")
            shop.ok("rollback", "production")
            after = time.monotonic()
            settled(far)
        assert (far.failures(), far.said(after)) == ([], {"v1.1"})
        shop.ok("rollback", "staging")
        after = time.monotonic()
        settled(load)
    assert (load.failures(), load.said(after)) == ([], {"v1.1"})
    for name, machine in (("staging", staging), ("production", production)):
        assert set(shop.state(name).values()) == {"ready"}
        assert "is as it was deployed" in shop.ok("drift", name)
        shop.ok("down", "--env", name, "--volumes")
        assert connect(machine.address).api.containers(all=True) == []
