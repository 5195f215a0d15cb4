"""What every engine does alike: one suite for host processes and for containers."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.engine.docker.engine import DockerEngine
from nexus_cli.engine.engine import Engine
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.errors import NexusError
from nexus_cli.stack.health import ask
from nexus_cli.unit import Container, File, Observed, Probe, State, Unit
from tests.support.engine_units import free_port

SERVER = """
import http.server, os, pathlib, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = pathlib.Path(os.environ["FILES"]) / self.path[1:]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(path.read_bytes() if path.is_file() else os.environ.get("WORD", "").encode())
    def log_message(self, *args):
        pass
def end(*_):
    print("asked to end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("out", flush=True)
print("err", file=sys.stderr, flush=True)
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""
IMAGE = "python:3.13-slim"


class World:
    """An engine, and units made for it."""

    def __init__(self, engine: Engine, state: Path, *, containers: bool) -> None:
        self.engine, self.state, self.containers = engine, state, containers

    def unit(self, name: str, code: str = SERVER, **more: Any) -> Unit:
        values: dict[str, Any] = {"kind": "service", "fingerprint": "code=1", "stop_seconds": 5.0, **more}
        python = "python" if self.containers else sys.executable
        runtime = Container(IMAGE, init=True, closed=True, read_only=True) if self.containers else None
        return Unit(name=name, command=(python, "-u", "-c", code), runtime=runtime, **values)

    def server(self, name: str, **more: Any) -> Unit:
        port, folder = free_port(), self.state / "run" / name
        listens = 8000 if self.containers else port
        unit = self.unit(
            name,
            ports={"http": port},
            files_folder=folder,
            files={"fixed": File("fixed"), "live/one": File("first", live=True)},
            probe=Probe("http", port=listens, target="/fixed"),
            **more,
        )
        inside = "/etc/nexus" if self.containers else str(folder)
        runtime = unit.runtime
        if isinstance(runtime, Container):
            runtime = replace(runtime, listens={"http": listens}, files=inside)
        return replace(unit, runtime=runtime, env={**unit.env, "PORT": str(listens), "FILES": inside})

    def seen(self, name: str) -> Observed | None:
        return next((unit for unit in self.engine.observe() if unit.name == name), None)

    def until(self, name: str, want: Callable[[Observed], bool], seconds: float = 30.0) -> Observed:
        deadline = time.monotonic() + seconds
        while True:
            found = self.seen(name)
            if found is not None and want(found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.03)

    def get_ready(self, unit: Unit) -> Observed:
        def answers(seen: Observed) -> bool:
            return seen.state is State.RUNNING and ask(self.engine, unit, seen).ok

        seen = self.until(unit.name, answers)
        self.engine.mark_ready(unit.name)
        return seen

    def said(self, name: str) -> list[str]:
        return [line.text for line in self.engine.logs([name])]

    def process(self, unit: Unit) -> int:
        """The number of the unit's process on this machine."""
        seen = self.seen(unit.name)
        assert seen is not None
        if isinstance(self.engine, DockerEngine):
            return int(self.engine.client.api.inspect_container(seen.container)["State"]["Pid"])
        assert seen.pid is not None
        return seen.pid

    def answer(self, unit: Unit, seen: Observed, path: str) -> str:
        probe = replace(unit, probe=Probe("http", port=unit.listens["http"], target=path))
        return ask(self.engine, probe, seen).message.rpartition("200 ")[2]


@pytest.fixture(params=["process", "docker"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    state = tmp_path / "state"
    if request.param == "docker":
        where = request.getfixturevalue("docker_engine")
        engine: Engine = DockerEngine(state, f"nexus-test-{secrets.token_hex(4)}", where=where)
    else:
        engine = ProcessEngine(state, label="test")
    yield World(engine, state, containers=request.param == "docker")
    engine.shutdown(volumes=True)
    assert list(engine.observe()) == []


def test_a_unit_from_start_to_stop(world: World) -> None:
    unit = world.server("web", env={"WORD": "hello"}, url="http://there", needs=("db",))
    world.engine.start(unit)
    seen = world.get_ready(unit)
    assert (seen.kind, seen.fingerprint, seen.url, seen.needs) == (
        "service",
        "code=1",
        "http://there",
        ("db",),
    )
    assert seen.ports == unit.ports
    assert abs(seen.since - time.time()) < 60
    assert world.until("web", lambda seen: seen.ready).exit_code is None
    assert world.answer(unit, seen, "/fixed") == "fixed"
    assert world.answer(unit, seen, "/word") == "hello"
    world.engine.stop("web")
    assert world.seen("web") is None
    assert "asked to end" in world.said("web")


def test_a_unit_that_is_started_again_is_replaced_and_keeps_its_log(world: World) -> None:
    unit = world.server("web")
    world.engine.start(unit)
    first = world.get_ready(unit)
    world.engine.start(replace(unit, fingerprint="code=2"))
    second = world.get_ready(unit)
    assert second.fingerprint == "code=2"
    assert (first.pid, first.container) != (second.pid, second.container)
    assert [text for text in world.said("web") if text in {"out", "asked to end"}] == [
        "out",
        "asked to end",
        "out",
    ]
    lines = list(world.engine.logs(["web"]))
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert {(line.stream, line.text) for line in lines} >= {("out", "out"), ("err", "err")}
    assert [line.text for line in world.engine.logs(["web"], tail=1)] == [lines[-1].text]
    assert list(world.engine.logs(["web"], since=time.time() + 1)) == []


def test_live_files_change_under_a_running_unit(world: World) -> None:
    unit = world.server("web")
    world.engine.start(unit)
    seen = world.get_ready(unit)
    assert world.answer(unit, seen, "/live/one") == "first"
    world.engine.configure(replace(unit, files={**unit.files, "live/one": File("second", live=True)}))
    assert world.answer(unit, seen, "/live/one") == "second"
    after = world.seen("web")
    assert after is not None
    assert (after.pid, after.container) == (seen.pid, seen.container)


@pytest.mark.parametrize("code", [0, 3])
def test_a_job_ends_and_says_how(world: World, code: int) -> None:
    job = world.unit(
        "job", f"import sys; print(sys.stdin.read()); sys.exit({code})", kind="job", input="a text"
    )
    world.engine.start(job)
    seen = world.until("job", lambda seen: seen.state is State.EXITED)
    assert seen.exit_code == code
    assert "a text" in world.said("job")


def test_what_keeps_crashing_is_given_up(world: World) -> None:
    world.engine.start(world.unit("web", "print('no'); raise SystemExit(7)"))
    seen = world.until("web", lambda seen: seen.state in {State.CRASHED, State.EXITED})
    assert seen.exit_code in {7, None}
    assert "no" in world.said("web")
    world.engine.give_up("web")
    ended = {7, 128 + signal.SIGTERM}  # by itself, or while it was loading once more
    world.until("web", lambda seen: seen.state in {State.EXITED, State.CRASHED} and seen.exit_code in ended)
    tries = len(world.said("web"))
    time.sleep(1.5)  # longer than the engine's pause before the next try
    assert len(world.said("web")) == tries


def test_what_crashes_after_it_was_ready_comes_back(world: World) -> None:
    unit = world.server("web")
    world.engine.start(unit)
    world.get_ready(unit)
    os.kill(world.process(unit), signal.SIGKILL)
    assert world.get_ready(unit).state is State.RUNNING


def test_commands_run_where_the_unit_runs(world: World) -> None:
    unit = world.server("web", env={"WORD": "hello"})
    world.engine.start(unit)
    world.get_ready(unit)
    python = "python" if world.containers else sys.executable
    code, said = world.engine.probe_command(unit, [python, "-c", "import os; print(os.environ['WORD'])"])
    assert (code, said) == (0, "hello")
    assert world.engine.probe_command(unit, [python, "-c", "raise SystemExit(5)"])[0] == 5


def test_stopping_what_is_not_there_is_no_fault(world: World) -> None:
    world.engine.stop("nobody")
    assert list(world.engine.logs(["nobody"])) == []


def test_what_cannot_start_says_why(world: World) -> None:
    unit = replace(world.unit("web"), command=("no-such-program",))
    if world.containers:  # a container's init begins, and tells in its log that it cannot go on
        world.engine.start(unit)
        world.until("web", lambda seen: seen.state is State.CRASHED)
        assert "no-such-program" in " ".join(world.said("web"))
    else:
        with pytest.raises(NexusError, match="no-such-program"):
            world.engine.start(unit)


def test_a_paused_unit_answers_nothing_until_it_goes_on(world: World) -> None:
    unit = world.server("web")
    world.engine.start(unit)
    before = world.get_ready(unit)
    world.engine.pause("web")
    paused = world.until("web", lambda seen: seen.state is State.PAUSED)
    assert not ask(world.engine, replace(unit, probe=replace(unit.probe, timeout=0.3)), before).ok
    assert (paused.pid, paused.container) == (before.pid, before.container)
    world.engine.resume("web")
    after = world.get_ready(unit)
    assert (after.pid, after.container, after.restarts) == (before.pid, before.container, 0)
    world.engine.resume("web")


def test_what_is_paused_can_be_stopped_in_order(world: World) -> None:
    unit = world.server("web")
    world.engine.start(unit)
    world.get_ready(unit)
    world.engine.pause("web")
    world.engine.stop("web")
    assert "asked to end" in world.said("web")


def test_a_killed_unit_is_started_again_as_after_a_crash(world: World) -> None:
    unit = world.server("web")
    world.engine.start(unit)
    world.get_ready(unit)
    before = world.process(unit)
    world.engine.kill("web")
    world.until("web", lambda seen: seen.state is State.RUNNING and world.process(unit) not in {0, before})
    world.get_ready(unit)
    assert "asked to end" not in world.said("web")


@pytest.mark.parametrize("action", ["kill", "pause", "resume"])
def test_what_does_not_run_cannot_be_disturbed(world: World, action: str) -> None:
    with pytest.raises(NexusError, match="web"):
        getattr(world.engine, action)("web")
