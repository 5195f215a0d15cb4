"""Running other programs, and who a process is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nexus_cli import identity
from nexus_cli.errors import NexusError
from nexus_cli.process import interactive, run
from tests.support.engine_units import free_port


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_input_and_exit_code(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(sys.stdin.read(), os.getcwd(), os.environ.get('A'))\n"
        "print('e', file=sys.stderr); exit(3)"
    )
    done = run(python(code), cwd=tmp_path, env={"A": "1"}, input="in" * 100_000)
    assert (done.code, done.err, done.last_line) == (3, "e\n", "e")
    assert done.out == f"{'in' * 100_000} {tmp_path} 1\n"


def test_nobody_reads_our_standard_input() -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))")).out == "''\n"


def test_lines_are_told_as_they_come() -> None:
    said: list[tuple[float, str]] = []
    code = (
        "import sys, time\n"
        "print('a', file=sys.stderr, flush=True); time.sleep(0.3); print('b', file=sys.stderr)"
    )
    run(python(code), on_line=lambda line: said.append((time.monotonic(), line)))
    assert [line for _, line in said] == ["a", "b"]
    assert said[1][0] - said[0][0] > 0.2


def test_what_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(NexusError, match=r"python.* did not end within 0.5 s: stuck"):
        run(python("import time; print('stuck', flush=True); time.sleep(60)"), timeout=0.5)
    assert time.monotonic() - started < 3


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NexusError, match="no-such-program is not installed") as caught:
        run(["no-such-program"])
    assert "PATH" in (caught.value.hint or "")
    with pytest.raises(NexusError, match="there is no such folder"):
        run([sys.executable], cwd=tmp_path / "nowhere")
    with pytest.raises(NexusError, match=r"cannot run .*: Permission denied"):
        run([str(tmp_path)])


def test_output_that_is_no_text() -> None:
    assert run(python("import os; os.write(1, b'\\xff')")).out == "\ufffd"


def test_interactive_has_our_streams(capfd: pytest.CaptureFixture[str]) -> None:
    assert interactive(python("print('hello'); exit(4)")) == 4
    assert capfd.readouterr().out == "hello\n"


def test_a_process_is_more_than_its_pid() -> None:
    me = identity.identify(os.getpid())
    assert me is not None
    assert identity.alive(me)
    assert not identity.alive(me._replace(started=me.started + 1))
    assert not identity.alive(me._replace(boot="another"))
    with subprocess.Popen(python("")) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert identity.identify(child.pid) is None  # it ended, and was not reaped yet
    assert identity.identify(child.pid) is None


def test_children_and_marks() -> None:
    code = "print(flush=True); input()"
    with subprocess.Popen(
        python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"MARK_OF_TEST": "one"}
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in list(identity.children(os.getpid()))
        assert list(identity.marked(b"MARK_OF_TEST=one\0")) == [child.pid]
        assert list(identity.marked(b"MARK_OF_TEST=o")) == [child.pid]
        assert list(identity.marked(b"MARK_OF_TEST=two")) == []
        child.communicate(b"\n")
    assert child.pid not in list(identity.children(os.getpid()))


def test_who_holds_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = identity.port_holder(listener.getsockname()[1])
    assert found is not None
    assert f"(pid {os.getpid()}) in {Path.cwd()}" in found
    assert identity.port_holder(free_port()) is None


def test_who_holds_a_port_of_somebody_else() -> None:
    """In a process that may not look at other users' files, as ordinary users may not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(tell, str(identity._port_owner(listener.getsockname()[1])).encode())
            os._exit(0)
        os.waitpid(child, 0)
        import pwd

        assert os.read(told, 100).decode() == pwd.getpwuid(os.geteuid()).pw_name
        os.close(told)
        os.close(tell)
