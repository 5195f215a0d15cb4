"""One unit's life inside the supervisor: started, running, crashed and started again, stopped, gone.

It owns the unit's process, pipes and log. The supervisor's loop calls it when something happened:
output to read, the main process ended, a deadline passed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nexus_cli import identity
from nexus_cli.engine.launch import LaunchError, launch
from nexus_cli.engine.logfile import LineSplitter, LogWriter

MARK = "NEXUS_UNIT"  # in the environment of all that a unit starts: how its strays are found
CRASH_LIMIT, CRASH_WINDOW = 5, 60.0  # so many crashes within so many seconds are a crash loop
BACKOFF_FIRST, BACKOFF_CAP = 0.1, 5.0  # seconds
_CHUNK = 1 << 16
_DRAIN = 256  # chunks at most: more than a pipe holds

Answer = Callable[[dict[str, Any]], None]


class Life:
    """A unit that was asked for. `spec` is what the engine sent; it may hold secrets and is never written."""

    def __init__(
        self, spec: Mapping[str, Any], key: str, log: LogWriter, selector: selectors.BaseSelector
    ) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.mark = f"{key}:{self.name}"
        self.log = log
        self.selector = selector
        self.state = "starting"
        self.pid = 0
        self.since = time.time()
        self.restarts = 0
        self.exit_code: int | None = None
        self.ready = False
        self.was_ready = False
        self.crashes: list[float] = []
        self.deadline: float | None = None  # when `due` has something to do, by the monotonic clock
        self.setup = [list(command) for command in spec.get("setup", ())]
        self.pipes: dict[int, tuple[str, LineSplitter]] = {}
        self.started: list[Answer] = []
        self.gone: list[Answer] = []

    @property
    def facts(self) -> dict[str, Any]:
        """What everybody may know of the unit."""
        return {
            **self.spec.get("facts", {}),
            "name": self.name,
            "state": self.state,
            "pid": self.pid or None,
            "since": self.since,
            "restarts": self.restarts,
            "exit_code": None if self.state in {"starting", "running", "paused"} else self.exit_code,
            "ready": self.ready,
        }

    def start(self) -> None:
        """Run the next set-up command, or the unit itself when all are done."""
        command = self.setup[0] if self.setup else list(self.spec["command"])
        self.deadline = None
        if self._done_before():
            self._answer(self.started, {"ok": True})
            self._end(0, "done before")
            return
        try:
            self.pid = self._launch(command)
        except (LaunchError, OSError) as error:
            self._say(f"{error}")
            self._end(127, str(error))
            return
        self.since = time.time()
        if not self.setup:
            self.state = "running"
            self._answer(self.started, {"ok": True})

    def mark_ready(self) -> None:
        """The unit's probe answered."""
        if self.state == "running":
            self.ready = self.was_ready = True

    def kill(self) -> None:
        """End the main process as a crash would; `ended` does what follows."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def pause(self) -> None:
        """Halt every process of the unit."""
        if self.state == "running":
            self.state = "paused"
            self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let every process of the unit go on."""
        if self.state == "paused":
            self.state = "running"
            self._signal_all(signal.SIGCONT)

    def stop(self, grace: float | None = None) -> None:
        """Ask the main process to end; `due` kills it when the grace is over."""
        if self.state == "stopping":
            return
        self.resume()  # what is halted hears no signal
        self.state, self.ready, self.setup = "stopping", False, []
        if not self.pid:
            self._forget()
            return
        self.deadline = time.monotonic() + (
            float(self.spec.get("stop_seconds", 10.0)) if grace is None else grace
        )
        os.kill(self.pid, getattr(signal, str(self.spec.get("stop_signal", "SIGTERM")), signal.SIGTERM))

    def due(self) -> None:
        """The deadline passed: the back-off is over, or the grace is."""
        self.deadline = None
        if self.state == "backoff":
            self.restarts += 1
            self.start()
        elif self.state == "stopping" and self.pid:
            self._say(f"did not end within its grace after {self.spec.get('stop_signal')}: killed")
            self._kill_group()

    def ended(self) -> None:
        """Clean up behind the main process, which ended, and decide: stopped, set up, done or crashed.

        It is reaped last, so that its pid cannot have become somebody else's before.
        """
        self._kill_group()
        kill_strays(self._strays)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.exit_code = code if code >= 0 else 128 - code
        self.pid = 0
        self._drain()
        if self.state == "stopping":
            self._forget()
        elif self.setup:
            command = self.setup.pop(0)
            if self.exit_code:
                self._end(self.exit_code, f'setup "{command[0]}" ended with exit code {self.exit_code}')
                return
            self._set_up()
        elif self.spec.get("kind") == "job" or not self.was_ready:
            self._leave_word()
            self._end(self.exit_code, f"ended with exit code {self.exit_code}")
        else:
            self._crashed()

    def read(self, descriptor: int) -> bool:
        """Take what is in a pipe, if anything is."""
        stream, splitter = self.pipes[descriptor]
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            lines = splitter.feed(data)
        else:
            lines = splitter.end()
            self._close(descriptor)
        if lines:
            self.log.write(stream, lines)
        return True

    def _launch(self, command: list[str]) -> int:
        stdin = self._stdin()
        outputs = [os.pipe(), os.pipe()]
        try:
            pid = launch(
                command,
                env={**self.spec.get("env", {}), MARK: self.mark},
                cwd=self.spec.get("cwd"),
                streams=(stdin, outputs[0][1], outputs[1][1]),
                unprivileged=self.spec.get("unprivileged"),
            )
        finally:
            os.close(stdin)
            for (reading, writing), stream in zip(outputs, ("out", "err"), strict=True):
                os.close(writing)
                os.set_blocking(reading, False)
                self.pipes[reading] = (stream, LineSplitter())
                self.selector.register(reading, selectors.EVENT_READ, self)
        return pid

    def _stdin(self) -> int:
        """The input as a file without a name that lies in memory only."""
        text = None if self.setup else self.spec.get("input")
        if text is None:
            return os.open(os.devnull, os.O_RDONLY)
        descriptor = os.memfd_create("input")
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(text.encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def _done_before(self) -> bool:
        """Whether this very job was done on the data that is there."""
        mark = self.spec.get("done")
        if not mark:
            return False
        try:
            with open(mark["path"], encoding="utf-8") as stream:  # noqa: PTH123 - this process imports little
                return stream.read() == str(mark["text"])
        except OSError:
            return False

    def _leave_word(self) -> None:
        """Say in the data that the job is done; where that cannot be said, it is run again."""
        mark = self.spec.get("done")
        if not mark or self.exit_code:
            return
        folder, _ = os.path.split(mark["path"])
        with contextlib.suppress(OSError):
            if os.path.isdir(os.path.dirname(folder)):  # noqa: PTH112, PTH120 - the data is there
                os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
                with open(mark["path"], "w", encoding="utf-8") as stream:  # noqa: PTH123
                    stream.write(str(mark["text"]))

    def _set_up(self) -> None:
        mark = self.spec.get("incomplete")
        if not self.setup and mark:
            try:
                os.unlink(mark)  # noqa: PTH108 - pathlib is slow to load
            except OSError as error:
                self._end(1, f"cannot remove {mark}: {error.strerror}")
                return
        self.start()

    def _crashed(self) -> None:
        now = time.monotonic()
        self.ready = False
        self.since = time.time()
        self.crashes = [*(crash for crash in self.crashes if now - crash < CRASH_WINDOW), now]
        if len(self.crashes) >= CRASH_LIMIT:
            self.state = "crashed"
            self._say(
                f"ended with exit code {self.exit_code}, {CRASH_LIMIT} times in a short while: given up"
            )
            return
        delay = min(BACKOFF_CAP, BACKOFF_FIRST * 2 ** (len(self.crashes) - 1))
        self.state = "backoff"
        self.deadline = now + delay
        self._say(f"ended with exit code {self.exit_code}: starting again in {delay:g} s")

    def _end(self, code: int, reason: str) -> None:
        """The unit ended by itself and stays so; the set-up or start that somebody waits for failed."""
        self.pid, self.exit_code, self.setup = 0, code, []
        self.state, self.since = "exited", time.time()
        self.ready = code == 0 and self.spec.get("kind") == "job"
        self._answer(self.started, {"error": reason})

    def _forget(self) -> None:
        self.state = "gone"
        self.log.close()
        self._answer(self.started, {"error": "stopped while it was starting"})
        self._answer(self.gone, {"ok": True})

    def _answer(self, waiting: list[Answer], reply: dict[str, Any]) -> None:
        for answer in waiting:
            answer(reply)
        waiting.clear()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        """Signal the main process, and all that came of it: what is halted first starts no more of them."""
        found = [self.pid]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
            found += [child for child in identity.children(pid) if child not in found]

    def _strays(self) -> Iterator[int]:
        """What the unit started and left behind: adopted by us, and of its session or with its mark."""
        mine = f"{MARK}={self.mark}".encode()
        marked = None
        for pid in identity.children(os.getpid()):
            if identity.session(pid) == self.pid:
                yield pid
            else:
                marked = set(identity.marked(mine + b"\0")) if marked is None else marked
                if pid in marked and pid != self.pid:
                    yield pid

    def _drain(self) -> None:
        """Read what is still in the pipes and close them, also when a stranger holds their other ends."""
        for descriptor in list(self.pipes):
            for _ in range(_DRAIN):
                if descriptor not in self.pipes or not self.read(descriptor):
                    break
            if descriptor in self.pipes:
                stream, splitter = self.pipes[descriptor]
                self.log.write(stream, splitter.end())
                self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        self.selector.unregister(descriptor)
        del self.pipes[descriptor]
        os.close(descriptor)

    def _say(self, text: str) -> None:
        self.log.write("err", [f"[nexus] {text}"])


def kill_strays(strays: Callable[[], Iterator[int]], *, seconds: float = 5.0) -> None:
    """Kill until none is left: what a killed one had started becomes a stray in its turn."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = list(strays())
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, PermissionError, ChildProcessError):
                time.sleep(0.001)
