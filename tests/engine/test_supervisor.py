"""The daemon: it outlives commands, nothing outlives it, and no stranger is ever taken for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from nexus_cli import identity
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.errors import NexusError
from nexus_cli.unit import State
from tests.support.engine_units import FAMILY, eventually, find, gone, pids, printed, script


def record(engine: ProcessEngine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((engine.state / "supervisor.json").read_text())
    return found


def test_it_is_small_and_quick(engine: ProcessEngine) -> None:
    started = time.monotonic()
    engine.channel.ensure()
    assert time.monotonic() - started < 2.0
    pid = record(engine)["pid"]
    status = Path(f"/proc/{pid}/status").read_text()
    assert int(status.partition("VmRSS:")[2].split()[0]) < 30_000
    assert os.getsid(pid) != os.getsid(0)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path(os.devnull)


def test_when_it_is_killed_everything_dies_and_the_next_start_works(engine: ProcessEngine) -> None:
    engine.start(script("shop", FAMILY))
    engine.start(script("web"))
    family = pids(engine, "shop", 4)
    web = find(engine, "web")
    assert web is not None
    assert web.pid is not None
    os.kill(record(engine)["pid"], signal.SIGKILL)
    eventually(lambda: gone(family[0]) and gone(web.pid or 0))
    assert engine.observe() == []
    engine.start(script("web"))
    assert all(gone(pid) for pid in family)
    assert [unit.name for unit in engine.observe()] == ["web"]


@pytest.mark.parametrize("strange", ["pid", "boot"])
def test_a_stranger_with_the_recorded_pid_is_never_touched(engine: ProcessEngine, strange: str) -> None:
    engine.start(script("shop"))
    written = record(engine)
    os.kill(written["pid"], signal.SIGKILL)
    eventually(lambda: gone(written["pid"]))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        found = identity.identify(stranger.pid)
        assert found is not None
        lie = found._replace(started=found.started - 1) if strange == "pid" else found._replace(boot="other")
        (engine.state / "supervisor.json").write_text(json.dumps(written | lie._asdict()))
        assert engine.observe() == []
        engine.start(script("shop"))
        engine.shutdown()
        assert stranger.poll() is None
        stranger.communicate(b"\n")
        assert stranger.returncode == 0


def test_one_without_its_socket_is_replaced(engine: ProcessEngine) -> None:
    engine.start(script("shop"))
    old, before = record(engine), find(engine, "shop")
    assert before is not None
    Path(old["socket"]).unlink()
    assert engine.observe() == []
    engine.start(script("shop"))
    after = find(engine, "shop")
    assert after is not None
    assert after.pid != before.pid
    assert gone(old["pid"])
    assert gone(before.pid or 0)


def test_without_its_socket_it_still_ends(engine: ProcessEngine) -> None:
    engine.start(script("shop"))
    old = record(engine)
    Path(old["socket"]).unlink()
    engine.shutdown()
    assert gone(old["pid"])


def test_one_that_hangs_is_told_in_time_and_can_be_ended(engine: ProcessEngine) -> None:
    engine.start(script("shop"))
    pid = record(engine)["pid"]
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(NexusError, match="shop/development: the supervisor does not answer"):
        engine.observe()
    assert time.monotonic() - started < 3.0
    engine.channel.end(patience=0.2)
    assert gone(pid)


def test_it_ends_when_its_folder_is_removed(engine: ProcessEngine) -> None:
    engine.start(script("shop"))
    pid, seen = record(engine)["pid"], find(engine, "shop")
    assert seen is not None
    shutil.rmtree(engine.state)
    eventually(lambda: gone(pid) and gone(seen.pid or 0))


def test_its_protocol_is_patient_with_other_versions(engine: ProcessEngine) -> None:
    engine.channel.ensure()
    assert engine.channel.ask({"do": "dance"}) == {"error": "unknown request 'dance'"}
    reply = engine.channel.ask({"do": "start"})
    assert reply is not None
    assert "bad request" in reply["error"]
    spec = {"name": "bare", "command": [sys.executable, "-c", "input()"], "new-thing": 1}
    assert engine.channel.ask({"do": "start", "spec": spec, "later": True}) == {"ok": True}
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(record(engine)["socket"])
        peer.sendall(b"not json\n")
        assert b"bad request" in peer.recv(4096)
    assert [unit.name for unit in engine.observe()] == ["bare"]
    engine.stop("bare")


def test_a_socket_folder_of_somebody_else_is_refused(
    engine: ProcessEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        Path(folder, "elsewhere").mkdir()
        Path(folder, "nexus").symlink_to(Path(folder, "elsewhere"))
        with pytest.raises(NexusError, match="is not a folder of yours"):
            engine.start(script("shop"))


def test_commands_at_once_start_one(engine: ProcessEngine, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from nexus_cli.engine.process import ProcessEngine\n"
        f"ProcessEngine(Path({str(engine.state)!r}), label='x').channel.ensure()"
    )
    commands = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) for _ in range(4)]
    assert [command.wait() for command in commands] == [0, 0, 0, 0]
    mine = [pid for pid in Path("/proc").glob("[0-9]*/cmdline") if str(engine.state).encode() in _read(pid)]
    assert len(mine) == 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_it_goes_on_when_the_log_cannot_be_written(engine: ProcessEngine) -> None:
    engine.channel.ensure()
    (engine.state / "logs" / "shop.log").mkdir()
    engine.start(script("shop", "print('one'); print('two'); input()", kind="job"))
    engine.start(script("web"))
    eventually(lambda: printed(engine, "web") == ["up"])
    web = find(engine, "web")
    assert web is not None
    assert web.state is State.RUNNING
    (engine.state / "logs" / "shop.log").rmdir()
