"""What only the Docker engine can meet: others' things of the same name, memory limits, builds, silence."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.errors import APIError

from nexus_cli.engine.docker import networks
from nexus_cli.engine.docker.client import EngineUnreachable, connect, default_registry
from nexus_cli.engine.docker.context import image_name, pack
from nexus_cli.engine.docker.engine import DockerEngine
from nexus_cli.engine.docker.images import architectures, is_present, native
from nexus_cli.errors import NexusError
from nexus_cli.unit import Bind, Container, ImageBuild, Observed, State, Stored, Unit
from tests.e2e.conftest import free_port

IMAGE = "python:3.13-slim"
SLEEP = ("python", "-c", "import time; time.sleep(600)")


@pytest.fixture
def engine(docker_engine: str, tmp_path: Path) -> Iterator[DockerEngine]:
    made = DockerEngine(tmp_path / "state", f"nexus-test-{secrets.token_hex(4)}", where=docker_engine)
    yield made
    made.shutdown(volumes=True)


def unit(name: str, *command: str, kind: str = "service", **container: object) -> Unit:
    runtime = Container(IMAGE, init=True, **container)  # type: ignore[arg-type]
    return Unit(name=name, kind=kind, command=command or SLEEP, fingerprint="a=1", runtime=runtime)  # type: ignore[arg-type]


def until(engine: DockerEngine, name: str, *states: State) -> Observed:
    deadline = time.monotonic() + 30
    while True:
        seen = next(seen for seen in engine.observe() if seen.name == name)
        if seen.state in states:
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def test_a_container_of_the_same_name_that_is_not_ours_is_not_touched(engine: DockerEngine) -> None:
    name = f"{engine.project}-web"
    other = connect(engine.where)
    foreign = other.api.create_container(IMAGE, command=list(SLEEP), name=name)["Id"]
    try:
        with pytest.raises(NexusError, match=f"a container named {name} that is not this platform's"):
            engine.start(unit("web"))
        engine.stop("web")
        engine.shutdown()
        assert other.api.inspect_container(foreign)["Id"] == foreign
    finally:
        other.api.remove_container(foreign)
        other.close()


def test_a_network_of_the_same_name_that_is_not_ours_is_not_used(engine: DockerEngine) -> None:
    other = connect(engine.where)
    foreign = other.api.create_network(engine.project)["Id"]
    try:
        with pytest.raises(NexusError, match="a network named"):
            engine.start(unit("web"))
    finally:
        other.api.remove_network(foreign)
        other.close()


def test_what_is_still_on_the_network_keeps_nothing_else(
    engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the engine says so: the rest goes, then the network too; who stays on it is not touched."""
    engine.start(unit("web", volumes={"/data": Stored("data")}))
    other = connect(engine.where)
    foreign = other.api.create_container(IMAGE, command=list(SLEEP))["Id"]
    try:
        other.api.connect_container_to_network(foreign, engine.project)
        other.api.start(foreign)
        monkeypatch.setattr(networks, "_LEAVING", 0.3)
        with pytest.raises(NexusError, match=rf" is on its network {engine.project}") as caught:
            engine.shutdown(volumes=True)
        assert f"docker network disconnect {engine.project} " in str(caught.value.hint)
        assert other.api.inspect_container(foreign)["State"]["Running"]
        label = {"label": f"dev.nexus.project={engine.project}"}
        assert (engine.observe(), other.api.volumes(filters=label)["Volumes"] or []) == ([], [])
        monkeypatch.setattr(networks, "_LEAVING", 60)
        leaving = threading.Timer(0.3, other.api.remove_container, [foreign], {"force": True})
        leaving.start()
        assert engine.shutdown() == []
        leaving.join()
        assert other.api.networks(filters=label) == []
    finally:
        with contextlib.suppress(APIError):
            other.api.remove_container(foreign, force=True)
        other.close()


def test_who_needs_too_much_memory_is_told_so(engine: DockerEngine) -> None:
    engine.start(
        unit("job", "python", "-c", "x = bytearray(200 << 20); print(len(x))", kind="job", memory=32 << 20)
    )
    seen = until(engine, "job", State.EXITED)
    assert seen.exit_code == 137
    assert seen.reason == "killed: out of memory (limit 32 MiB)"


def test_a_service_is_shut_in(engine: DockerEngine) -> None:
    code = (
        "import os, pathlib\n"
        "print('caps', next(l for l in open('/proc/self/status') if l.startswith('CapEff')).split()[1])\n"
        "try: pathlib.Path('/etc/x').touch()\n"
        "except OSError as error: print('root', error.strerror)\n"
        "pathlib.Path('/tmp/x').touch(); print('tmp works', os.getuid())"
    )
    closed = unit(
        "job", "python", "-c", code, kind="job", closed=True, read_only=True, tmpfs=("/tmp",), user="10001"
    )
    engine.start(closed)
    assert until(engine, "job", State.EXITED).exit_code == 0
    said = [line.text for line in engine.logs(["job"])]
    assert said == ["caps 0000000000000000", "root Read-only file system", "tmp works 10001"]


def test_stored_data_outlives_its_container_but_not_volumes(engine: DockerEngine) -> None:
    write = unit(
        "db", "python", "-c", "open('/data/x', 'a').write('1')", kind="job", volumes={"/data": Stored("data")}
    )
    read = replace(write, command=("python", "-c", "print(open('/data/x').read())"))
    engine.start(write)
    until(engine, "db", State.EXITED)
    engine.shutdown()
    engine.start(read)
    until(engine, "db", State.EXITED)
    assert [line.text for line in engine.logs(["db"])][-1] == "1"
    engine.shutdown(volumes=True)
    engine.start(read)
    assert until(engine, "db", State.EXITED).exit_code == 1


def test_what_a_container_may_be_told(engine: DockerEngine, tmp_path: Path) -> None:
    code = (
        "import os, resource, socket\n"
        "print(socket.gethostname(), open('/proc/sys/net/core/somaxconn').read().strip())\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE), os.statvfs('/dev/shm').f_blocks * 4096 >> 20)\n"
        "print(socket.gethostbyname('friend'), 44 in os.getgroups(), os.path.exists('/dev/spare'))\n"
        "print(os.statvfs('/fast').f_blocks * 4096 >> 10, os.listdir('/made'))\n"
    )
    told = unit(
        *("job", "python", "-c", code),
        kind="job",
        hostname="me",
        sysctls={"net.core.somaxconn": "99"},
        ulimits={"nofile": (100, 200)},
        shm_size=8 << 20,
        extra_hosts=("friend:10.9.8.7",),
        group_add=("44",),
        devices=("/dev/null:/dev/spare:r",),
        tmpfs=("/fast:size=64k",),
        binds={"/made": Bind(tmp_path / "a/b", create=True)},
        labels={"mine": "yes", "dev.nexus.unit": "other"},
    )
    engine.start(told)
    assert until(engine, "job", State.EXITED).exit_code == 0
    assert [line.text for line in engine.logs(["job"])] == [
        "me 99",
        "(100, 200) 8",
        "10.9.8.7 True True",
        "64 []",
    ]
    labels = engine._list("job")[0]["Labels"]
    assert (labels["mine"], labels["dev.nexus.unit"]) == ("yes", "job")


def test_a_shared_volume_is_one_for_all_units(engine: DockerEngine) -> None:
    both = {"/data": Stored("media", shared=True)}
    engine.start(unit("one", "python", "-c", "open('/data/x', 'w').write('1')", kind="job", volumes=both))
    until(engine, "one", State.EXITED)
    reading = {"/data": Stored("media", shared=True, read_only=True)}
    code = "print(open('/data/x').read())\ntry: open('/data/y', 'w')\nexcept OSError as e: print(e.strerror)"
    engine.start(unit("two", "python", "-c", code, kind="job", volumes=reading))
    assert until(engine, "two", State.EXITED).exit_code == 0
    assert [line.text for line in engine.logs(["two"])] == ["1", "Read-only file system"]


def test_one_port_inside_may_be_published_twice(engine: DockerEngine) -> None:
    ports = {"a": free_port(), "b": free_port()}
    web = unit("web", "python", "-m", "http.server", "8000", listens={"a": 8000, "b": 8000})
    engine.start(replace(web, ports=ports))
    until(engine, "web", State.RUNNING)
    bound = connect(engine.where).api.inspect_container(f"{engine.project}-web")["HostConfig"]["PortBindings"]
    assert {entry["HostPort"] for entry in bound["8000/tcp"]} == {str(port) for port in ports.values()}


@pytest.mark.parametrize(("restart", "expected"), [("no", "no"), ("always", "unless-stopped")])
def test_what_happens_after_the_end_is_told(engine: DockerEngine, restart: str, expected: str) -> None:
    ends = replace(unit("web", "true", restart=restart), kind="component")
    assert ends.may_end is (restart == "no")
    engine.start(ends)
    host = connect(engine.where).api.inspect_container(f"{engine.project}-web")["HostConfig"]
    assert host["RestartPolicy"]["Name"] == expected


def test_an_image_is_known_under_each_of_its_names() -> None:
    there = {"nginx:latest", "postgres:18.1", "registry.test/a/b:1", "a/b@sha256:12"}
    for name in (
        "nginx",
        f"{default_registry()}/library/nginx",
        f"{default_registry()}/postgres:18.1",
        "registry.test/a/b:1",
        "a/b:9@sha256:12",
    ):
        assert is_present(name, there), name
    for name in ("nginx:1", "localhost:5000/nginx", "a/b:9@sha256:13", "registry.test/a/b"):
        assert not is_present(name, there), name


def test_two_projects_do_not_meet(engine: DockerEngine, tmp_path: Path) -> None:
    second = DockerEngine(tmp_path / "other", f"{engine.project}-2", where=engine.where)
    try:
        engine.start(unit("web"))
        second.start(unit("web"))
        second.stop("web")
        assert [seen.name for seen in engine.observe()] == ["web"]
        assert list(second.observe()) == []
    finally:
        second.shutdown(volumes=True)


def test_an_image_is_named_after_what_it_is_made_of(engine: DockerEngine, tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f'FROM {IMAGE}\nCOPY said /said\nCMD ["cat", "/said"]\n')
    (folder / ".dockerignore").write_text("*\n!said\n")
    (folder / "said").write_text("one")
    (folder / "other").write_text("1")
    build = ImageBuild(folder)
    name = image_name(engine.project, "web", build)
    (folder / "other").write_text("2")
    assert image_name(engine.project, "web", build) == name
    (folder / "said").write_text("two")
    assert image_name(engine.project, "web", build) != name
    name = image_name(engine.project, "web", build)
    built = Unit(name="web", kind="job", command=(), fingerprint="", runtime=Container(name, build))
    assert not engine.prepared(built)
    steps: list[str] = []
    engine.prepare(built, steps.append)
    assert [step.partition("]")[0] for step in steps] == ["[1/2", "[2/2"]
    assert engine.prepared(built)
    engine.start(built)
    until(engine, "web", State.EXITED)
    assert [line.text for line in engine.logs(["web"])] == ["two"]


def test_a_build_that_fails_names_its_step_and_what_it_said(engine: DockerEngine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN echo so far && exit 3\n")
    build = ImageBuild(tmp_path)
    broken = Unit(name="web", kind="service", command=(), fingerprint="", runtime=Container("x:y", build))
    with pytest.raises(NexusError) as caught:
        engine.prepare(broken, lambda _: None)
    first, *said = caught.value.message.splitlines()
    assert "failed at [2/2] " in first
    assert "RUN echo so far && exit 3: exit code 3" in first
    assert said == ["so far"]


def test_builds_have_caches_and_leave_no_images_of_their_stages(engine: DockerEngine, tmp_path: Path) -> None:
    mark = secrets.token_hex(4)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE} AS first\nARG SEEN\nLABEL test={mark}\n"
        "RUN --mount=type=cache,target=/cache ls /cache > /seen; touch /cache/$SEEN\n"
        f'FROM {IMAGE}\nCOPY --from=first /seen /seen\nCMD ["cat", "/seen"]\n'
    )
    for turn in ("one", "two"):
        build = ImageBuild(tmp_path, args=(("SEEN", f"{mark}-{turn}"),))
        name = image_name(engine.project, "web", build)
        built = Unit(name="web", kind="job", command=(), fingerprint="", runtime=Container(name, build))
        engine.prepare(built, lambda _: None)
    engine.start(built)
    until(engine, "web", State.EXITED)
    assert f"{mark}-one" in [line.text for line in engine.logs(["web"])]
    assert engine.client.api.images(filters={"label": f"test={mark}"}) == []


def test_what_buildkit_cannot_fetch_the_classic_builder_may(engine: DockerEngine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"# syntax=127.0.0.1:1/dockerfile:1\nFROM {IMAGE}\nRUN true\n")
    build = ImageBuild(tmp_path)
    steps: list[str] = []
    name = image_name(engine.project, "web", build)
    built = Unit(name="web", kind="job", command=(), fingerprint="", runtime=Container(name, build))
    engine.prepare(built, steps.append)
    assert steps[0].startswith("Step 1/")


def test_an_engine_that_does_not_answer_is_named(tmp_path: Path) -> None:
    silent = DockerEngine(tmp_path, "nexus-test", where=f"unix://{tmp_path}/none.sock")
    with pytest.raises(
        EngineUnreachable, match=r"no Docker engine answers at unix://.*none.sock: no such file"
    ) as one:
        silent.observe()
    assert "--engine process" in (one.value.hint or "")
    with pytest.raises(EngineUnreachable, match="connection refused"):
        _ = DockerEngine(tmp_path, "nexus-test", where="tcp://127.0.0.1:9").client


def test_a_created_container_that_was_never_started_is_seen(engine: DockerEngine) -> None:
    engine.start(unit("web"))
    name = f"{engine.project}-web"
    engine.stop("web")
    labels = {"dev.nexus.project": engine.project, "dev.nexus.unit": "web"}
    other = connect(engine.where)
    other.api.create_container(IMAGE, name=name, labels=labels)
    other.close()
    (seen,) = engine.observe()
    assert (seen.state, seen.exit_code, seen.reason) == (State.EXITED, None, "was created but never started")
    engine.start(unit("web"))
    assert until(engine, "web", State.RUNNING).fingerprint == "a=1"


def test_who_holds_a_port_is_named(engine: DockerEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        web = replace(unit("web", listens={"http": 8000}), ports={"http": port})
        with pytest.raises(
            NexusError, match=rf"port {port} of web is held by python.* \(pid {os.getpid()}\)"
        ):
            engine.start(web)
    engine.start(web)
    assert until(engine, "web", State.RUNNING)


def test_nothing_is_left(engine: DockerEngine) -> None:
    engine.start(unit("web", volumes={"/data": Stored("data")}))
    engine.shutdown(volumes=True)
    found = subprocess.run(
        ["docker", "-H", engine.where, "volume", "ls", "-q", "--filter", f"name={engine.project}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == ""


def test_what_machines_an_image_is_for_is_known(docker_engine: str) -> None:
    client, name = connect(docker_engine), f"nexus-test-{secrets.token_hex(4)}:foreign"
    config = json.dumps(
        {"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    )
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": []}])
    try:
        list(client.api.load_image(pack([("config.json", config), ("manifest.json", manifest)])))
        (foreign,) = (image["Id"] for image in client.api.images(name))
        usual = client.api.inspect_image(IMAGE)["Id"]
        assert architectures(client, [foreign, usual]) == {foreign: "arm64", usual: native(client)}
    finally:
        client.api.remove_image(name)
