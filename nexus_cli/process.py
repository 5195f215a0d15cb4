"""Runs other programs: the only caller of `subprocess`. Never a shell, and nobody else's standard input."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nexus_cli.errors import NexusError

_LAST_WORDS = 0.5  # seconds that a killed program's output is still waited for
_GRACE = 3.0  # seconds that a program among others has to end by itself


class DidNotEnd(NexusError):
    """A program was killed, as it did not end in the time that it had; `said` is what it printed."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended: its exit code and what it printed, decoded with replacement characters."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last line that says something, of standard error if there is one there."""
        lines = [line.strip() for text in (self.out, self.err) for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,  # noqa: A002 - the field's own term
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    pass_fds: Sequence[int] = (),
    among: Programs | None = None,
) -> Completed:
    """Run a program to its end, whatever its exit code; `timeout` is in seconds.

    `on_line` gets each line of its standard error as it is printed. Without `env` the program has ours.
    `among` others, it ends with all that it has started.
    """
    with tempfile.TemporaryFile() as stdin:
        if input is not None:
            stdin.write(input.encode())
            stdin.seek(0)
        process = _spawn(
            command,
            cwd=cwd,
            env=env,
            stdin=stdin.fileno() if input is not None else subprocess.DEVNULL,
            pass_fds=pass_fds,
            apart=among is not None,
        )
    with among.holding(process) if among else contextlib.nullcontext():
        return _finish(process, command, timeout, on_line, among)


def _finish(
    process: subprocess.Popen[str],
    command: Sequence[str],
    timeout: float | None,
    on_line: Callable[[str], None] | None,
    among: Programs | None,
) -> Completed:
    """What a program printed until it ended; one that does not end in time is killed."""
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=_read, args=(process.stdout, out, None), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, err, on_line), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        deadline = time.monotonic() + (threading.TIMEOUT_MAX / 2 if timeout is None else timeout)
        for reader in readers:  # they end with the program, at once; `wait` with a timeout looks now and then
            reader.join(max(0.0, deadline - time.monotonic()))
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except BaseException as error:
        if among:
            among.end_one(process)
        else:
            process.kill()
        process.wait()
        for reader in readers:
            reader.join(_LAST_WORDS)
        if isinstance(error, subprocess.TimeoutExpired):
            said = Completed(-1, "".join(out), "".join(err)).last_line
            raise DidNotEnd(
                f"{Path(command[0]).name} did not end within {timeout:g} s" + (f": {said}" if said else ""),
                "".join((*out, *err)),
            ) from None
        raise
    return Completed(code, "".join(out), "".join(err))


class Programs:
    """Programs that run at the same time; one call ends every one of them, with all that they started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._over = False

    @property
    def over(self) -> bool:
        """Whether they were ended."""
        return self._over

    @contextlib.contextmanager
    def holding(self, process: subprocess.Popen[str]) -> Iterator[None]:
        """Count a program among these until it ends; what it left behind ends then, too."""
        with self._lock:
            self._running.add(process)
            over = self._over
        try:
            if over:
                self.end_one(process)
            yield
        finally:
            with self._lock:
                self._running.discard(process)
            _signal(process, signal.SIGKILL)

    def end(self) -> None:
        """End what runs now, and whatever would begin from now on."""
        with self._lock:
            self._over = True
            running = list(self._running)
        for process in running:
            self.end_one(process)

    def end_one(self, process: subprocess.Popen[str]) -> None:
        """End a program and all that it started, also what has left its group: politely, then at once."""
        import psutil

        with contextlib.suppress(psutil.Error):
            descendants = psutil.Process(process.pid).children(recursive=True)
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            for one in descendants:
                with contextlib.suppress(psutil.Error):
                    one.kill()
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal to a program's whole group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def interactive(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> int:
    """Run a program on this terminal, keyboard included; returns its exit code."""
    process = _spawn(command, cwd=cwd, env=env, stdin=None, piped=False)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal sent it to the program too, and the program decides
            continue


class Background:
    """A program that runs on while we do something else; both its streams are appended to a file.

    A `held` one has an input that stays open as long as we are there, however we end.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        held: bool = False,
    ) -> None:
        stdin = subprocess.PIPE if held else subprocess.DEVNULL
        with output.open("ab") as stream:
            self._process = _spawn(command, cwd=cwd, env=env, stdin=stdin, output=stream)

    @property
    def pid(self) -> int:
        """The number that the system knows it by."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; nothing while it runs."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """Its exit code once it has ended; nothing when it still runs after that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _spawn(
    command: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int | None,
    piped: bool = True,
    output: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
    apart: bool = False,
) -> subprocess.Popen[str]:
    pipe = output or (subprocess.PIPE if piped else None)
    try:
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=stdin,
            pass_fds=tuple(pass_fds),
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=apart,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise NexusError(f"cannot run {command[0]} in {cwd}: there is no such folder") from error
        raise NexusError(
            f"{command[0]} is not installed",
            hint=f"install it, or put it on the PATH ({os.environ.get('PATH')})",
        ) from error
    except OSError as error:
        raise NexusError(f"cannot run {command[0]}: {error.strerror}") from error


def _read(stream: object, into: list[str], on_line: Callable[[str], None] | None) -> None:
    with stream:  # type: ignore[attr-defined]
        for line in stream:  # type: ignore[attr-defined]
            into.append(line)
            if on_line is not None and line.strip():
                on_line(line.strip())
