"""Connections that lead through a detour: late, lossy or cut off as told, and untouched otherwise."""

from __future__ import annotations

import json
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nexus_cli.stack import detours
from nexus_cli.stack.stack import assemble
from nexus_cli.unit import File, Unit
from nexus_cli.workspace import Workspace
from tests.conftest import service
from tests.support.engine_units import free_port


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)


@dataclass
class Way:
    port: int
    file: Path

    def fault(self, **said: float) -> None:
        other = self.file.with_suffix(".next")
        other.write_text(json.dumps(said))
        other.replace(self.file)
        time.sleep(0.12)  # the program looks every 50 ms

    def ask(self, data: bytes = b"ping", timeout: float = 5.0) -> float:
        """How long it takes until all of it has come back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as peer:
            began = time.monotonic()
            peer.sendall(data)
            back = b""
            while len(back) < len(data):
                back += peer.recv(1 << 16)
            assert back == data
            return time.monotonic() - began


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port, file = free_port(), tmp_path / "fault.json"
        ways = json.dumps([["127.0.0.1", port, *server.server_address]])
        program = Path(detours.__file__).with_name("detour.py")
        process = subprocess.Popen([sys.executable, "-I", str(program), str(file), ways])
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.03)
            yield Way(port, file)
        finally:
            process.terminate()
            process.wait()
            server.shutdown()


def test_a_way_is_late_lossy_or_cut_off_as_told(way: Way) -> None:
    whole = bytes(range(256)) * 4096
    assert way.ask(whole) < 2
    way.fault(delay=0.2)
    assert 0.4 <= way.ask() < 1.5  # there and back
    way.fault(loss=0.01)  # of 1,400 packets there and back, so some are lost
    assert way.ask(whole, timeout=30) > 0.2
    way.fault(partition=1)
    with pytest.raises(TimeoutError):
        way.ask(timeout=0.4)
    way.fault(partition=1, until=time.time() + 0.5)  # nobody is left to end it
    assert way.ask() < 3
    way.fault()
    assert way.ask(whole) < 2


def test_a_target_that_is_not_there_refuses(tmp_path: Path, way: Way) -> None:
    del tmp_path
    with socket.create_connection(("127.0.0.1", way.port), 5) as peer:
        peer.sendall(b"x")
        assert peer.recv(1) == b"x"
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b""  # what one side has ended, the other hears


@pytest.mark.parametrize("engine", ["process", "docker"])
def test_only_those_who_are_meant_are_led_through(
    workspace: Path, write: Callable[[str, str], Path], engine: str
) -> None:
    write("catalog", service("catalog", 8301, uses="[redis]", routes="[{path: /c}]"))
    more = {"uses": "[redis, catalog]", "routes": "[{path: /o}]", "scale": "{replicas: 2}"}
    write("order", service("order", 8302, **more))
    for name in ("catalog", "order"):
        (workspace / "services" / name).mkdir(parents=True)
        (workspace / "services" / name / "Dockerfile").write_text("FROM scratch\n")
    edges = [("order", "redis"), ("order", "catalog"), ("gateway", "order"), ("gateway", "order.2")]
    stack = assemble(Workspace(workspace), engine=engine, edges=edges)
    plain = assemble(Workspace(workspace), engine=engine)
    units = {unit.name: unit for unit in stack.units}
    assert units.keys() - {unit.name for unit in plain.units} == {detours.name(edge) for edge in edges}
    assert all(units[detours.name(edge)].needs == (edge[1],) for edge in edges)
    through = units["detour-order-redis"]
    where = "detour-order-redis:6379" if engine == "docker" else f"127.0.0.1:{through.ports['redis']}"
    for name in ("order", "order.2"):
        assert where in units[name].env["REDIS_URL"]
        assert "detour-order-redis" in units[name].needs
        assert units[name].env["CATALOG_URL"] != plain.unit(name).env["CATALOG_URL"]
    assert units["catalog"].env == plain.unit("catalog").env
    routing = "".join(file.content for file in units["gateway"].files.values())
    for replica in ("order", "order.2"):
        led = units[detours.name(("gateway", replica))]
        assert str(led.ports["http"] if engine == "process" else led.name) in routing


def test_a_disturbed_detour_differs_in_a_live_file_only() -> None:
    unit = Unit("detour-a-b", "component", ("x",), "f", files={detours.FAULT: File("{}", live=True)})
    late = detours.disturbed(unit, {"delay": 0.2})
    assert json.loads(late.files[detours.FAULT].content) == {"delay": 0.2}
    assert late.files[detours.FAULT].live
    assert detours.disturbed(late, {}) == unit
