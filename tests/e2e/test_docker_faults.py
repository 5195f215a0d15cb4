"""What may happen to an engine while a platform runs on it, each for real on an engine of the test's own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nexus_cli.engine.docker.client import connect
from tests.conftest import Run, running
from tests.e2e.conftest import free_port, killed_after_every_event, spawn, states, until
from tests.support.private_engine import PrivateEngine, need
from tests.support.shop import opened

Tiny = Callable[..., None]
IMAGE = "python:3.13-slim"
GATEWAY = "envoyproxy/envoy:v1.40.0"
REGISTRY = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Registry(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.end_headers()
    do_HEAD = do_GET
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Nobody to wait for: the engine's network namespace has ports of its own."""


@pytest.fixture(scope="module")
def engine(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    need("dockerd", "ip", "nsenter", "mount")
    with PrivateEngine(tmp_path_factory.mktemp("engine") / "own", size="700m") as made:
        made.start()
        made.copy_image(IMAGE, docker_engine)
        yield made


@pytest.fixture(autouse=True)
def _on_it(engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_ENGINE", "docker")
    monkeypatch.setenv("DOCKER_HOST", engine.address)


@pytest.fixture
def nexus(workspace: Path, engine: PrivateEngine) -> Run:
    """The real command line, where the engine's containers are reached."""
    return running(workspace, engine.inside)


@pytest.fixture
def pair(workspace: Path, tiny: Tiny) -> Path:
    """Two services of which the second needs the first."""
    (workspace / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: shop\n")
    tiny("catalog")
    tiny("order", uses=["catalog"])
    return workspace


def component(workspace: Path, name: str, **described: object) -> None:
    data = {"nexus": "v1", "kind": "component", "name": name, "image": IMAGE, "init": True, **described}
    (workspace / "blueprints" / f"{name}.yaml").write_text(json.dumps(data))


def up(nexus: Run, *arguments: str, code: int = 0, **env: str):
    done = nexus("up", "--free-ports", *arguments, **env)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def everything(engine: PrivateEngine) -> list[str]:
    """The names of all containers and networks of platforms that the engine has."""
    client = connect(engine.address)
    labelled = {"label": "dev.nexus.project"}
    found = [name for c in client.api.containers(all=True, filters=labelled) for name in c["Names"]]
    found += [network["Name"] for network in client.api.networks(filters=labelled)]
    client.close()
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_engine_starts_again_while_the_platform_is_up(
    engine: PrivateEngine, pair: Path, nexus: Run, number: int
) -> None:
    up(nexus)
    engine.stop(number)
    gone = nexus("status")
    assert gone.returncode == 1
    assert f"no Docker engine answers at {engine.address}" in gone.stderr
    assert "Traceback" not in gone.stderr
    engine.start()
    up(nexus)
    assert states(nexus) == {"catalog": "ready", "order": "ready"}
    assert nexus("logs", "order").stdout.count("listening") >= 2
    assert nexus("plan").stdout == "nothing to do\n"
    assert nexus("down").returncode == 0
    assert everything(engine) == []


def test_the_engine_goes_in_the_middle_of_a_plan(
    engine: PrivateEngine, pair: Path, nexus: Run, tiny: Tiny
) -> None:
    tiny("order", uses=["catalog"], before="import time; time.sleep(60)")
    victim = spawn(pair, "up", "--free-ports", "-o", "json", before=engine.inside)
    assert victim.stdout is not None
    assert any('"step_started", "id": "start order"' in line for line in victim.stdout)
    engine.stop(signal.SIGKILL)
    out, err = victim.communicate(timeout=60)
    said = out + err
    assert victim.returncode == 1
    assert "no Docker engine answers" in said
    assert "Traceback" not in said
    engine.start()
    tiny("order", uses=["catalog"])
    up(nexus)
    assert states(nexus) == {"catalog": "ready", "order": "ready"}
    assert nexus("down").returncode == 0
    assert everything(engine) == []


def test_the_engine_goes_in_the_middle_of_a_deployment(
    engine: PrivateEngine, docker_engine: str, tmp_path: Path
) -> None:
    engine.copy_image(GATEWAY, docker_engine)
    shop = opened(tmp_path / "shop", "docker", free_port(), address=engine.address, before=engine.inside)
    shop.ok("deploy", "production")
    shop.write("v2")
    victim = spawn(shop.root, "deploy", "production", "-o", "json", before=engine.inside)
    assert victim.stdout is not None
    assert any('"step_started", "id": "watch order' in line for line in victim.stdout)
    engine.stop(signal.SIGKILL)
    out, err = victim.communicate(timeout=60)
    assert (victim.returncode, "Traceback" in out + err) == (1, False)
    engine.start()
    assert "could not be taken back" in shop.nexus("status", "--env", "production").stderr
    shop.ok("deploy", "production", "--resume")
    serving = {name for name, health in shop.state().items() if health == "ready"}
    assert serving == {"gateway", "catalog.r2", "order.r2"}
    shop.ok("audit", "verify")
    shop.ok("down", "--env", "production", "--volumes")
    assert everything(engine) == []


def test_one_of_eight_builds_fails(engine: PrivateEngine, pair: Path, nexus: Run, tiny: Tiny) -> None:
    names = ["catalog", "order", *(f"more-{n}" for n in range(6))]
    for name in names[2:]:
        tiny(name)
    with (pair / "services" / "more-3" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN echo 'looking for the compiler' && exit 42\n")
    done = up(nexus, code=1)
    assert "RUN echo 'looking for the compiler' && exit 42" in done.stderr
    assert "looking for the compiler\n" in done.stderr
    assert "exit code 42" in done.stderr
    assert {name: health for name, health in states(nexus).items() if health != "ready"} == {"more-3": "down"}


def test_a_full_disk(engine: PrivateEngine, pair: Path, nexus: Run) -> None:
    up(nexus, "catalog")  # what comes up while the disk is full may find no room, too
    with (pair / "services" / "order" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN dd if=/dev/zero of=/big bs=1M count=2000\n")
    done = up(nexus, code=1)
    assert "no space left on device" in done.stderr.lower()
    assert "docker system df" in done.stderr
    assert states(nexus) == {"catalog": "ready", "order": "down"}


def test_a_registry_that_asks_for_a_login(engine: PrivateEngine, pair: Path, nexus: Run) -> None:
    server = subprocess.Popen(
        [*engine.inside, sys.executable, "-c", REGISTRY], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    port = server.stdout.readline().strip()
    try:
        reference = f"127.0.0.1:{port}/ours/store:1.0"
        component(pair, "store", image=reference)
        done = up(nexus, "store", code=1)
    finally:
        server.kill()
        server.communicate()
    assert reference in done.stderr
    assert "docker login" in done.stderr


def test_a_volume_in_use_is_named_and_kept(engine: PrivateEngine, pair: Path, nexus: Run) -> None:
    component(
        pair,
        "store",
        command=["python", "-c", "import time; time.sleep(600)"],
        volumes={"data": "/data"},
    )
    up(nexus, "store")
    client = connect(engine.address)
    (volume,) = client.api.volumes(filters={"label": "dev.nexus.project"})["Volumes"]
    host = client.api.create_host_config(binds=[f"{volume['Name']}:/data"])
    foreign = client.api.create_container(IMAGE, host_config=host)["Id"]
    done = nexus("down", "--volumes")
    assert done.returncode == 1
    assert f"volume {volume['Name']} is in use" in done.stderr
    assert f"docker ps -a --filter volume={volume['Name']}" in done.stderr
    client.api.remove_container(foreign)
    assert nexus("down", "--volumes").returncode == 0
    assert client.api.volumes(filters={"label": "dev.nexus.project"})["Volumes"] in (None, [])
    client.close()


@pytest.mark.parametrize("command", [["up", "--free-ports"], ["down"]], ids=["up", "down"])
def test_kill_9_at_every_step(engine: PrivateEngine, pair: Path, nexus: Run, command: list[str]) -> None:
    """Kill nexus after its n-th event, for every n: the next `up` converges, and `down` leaves nothing."""
    if command[0] == "down":
        up(nexus)
    for _ in killed_after_every_event(pair, command, before=engine.inside):
        if command[0] == "up":
            up(nexus)
            assert states(nexus) == {"catalog": "ready", "order": "ready"}
        assert nexus("down").returncode == 0
        assert everything(engine) == []
        if command[0] == "down":
            up(nexus)


@pytest.mark.parametrize("offset", ["-2h", "+2h"])
def test_a_clock_that_differs_from_the_engine_s(
    engine: PrivateEngine, pair: Path, nexus: Run, offset: str
) -> None:
    need("faketime")
    serve = "import time; print('open for business', flush=True); time.sleep(600)"
    component(pair, "store", command=["python", "-c", serve], health={"log": "open for business"})
    skewed = {
        "LD_PRELOAD": until(
            lambda: next(map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")
        ),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    up(nexus, **skewed)
    assert states(nexus) == {"catalog": "ready", "order": "ready", "store": "ready"}
    assert "nothing to do" in up(nexus, **skewed).stderr
    up(nexus)
    shown = nexus("status", **skewed)
    assert shown.returncode == 0, shown.stdout
    assert "open for business" in nexus("logs", "store", **skewed).stdout
    assert nexus("restart", "store", **skewed).returncode == 0
    assert nexus("down", **skewed).returncode == 0
    assert everything(engine) == []
