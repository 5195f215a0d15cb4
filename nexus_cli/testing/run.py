"""A run of tests: what was asked, kind after kind, and what came of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.blueprint.model import Platform
from nexus_cli.errors import INTERRUPTED, NexusError
from nexus_cli.process import Programs
from nexus_cli.testing.case import BAD, RAN, Case, Tell, broken
from nexus_cli.testing.kinds import KINDS
from nexus_cli.workspace import Workspace

if TYPE_CHECKING:
    from nexus_cli.testing.stand import Stand

PASSED, FAILED, NOTHING_RAN = 0, 1, 5
Progress = Callable[[str], None]
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked of load tests: shapes of load, seconds and requests a second where not the usual ones.

    With `regenerate`, scripts that a person changed are made anew.
    """

    scenarios: tuple[str, ...] = ("load",)
    seconds: float | None = None
    rate: float | None = None
    regenerate: bool = False


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How the person wants the tests to run.

    `services` are those to test, all if none; `tags` the marks of tests that are wanted. `timeout` is for
    one program that runs tests, in seconds. `engine` is docker, process, or empty for the usual one. `accept`
    keeps what services serve now as their contract.
    """

    services: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parallel: int = 2
    fail_fast: bool = False
    changed: bool = False
    retries: int = 0
    keep: bool = False
    reuse: bool = False
    accept: bool = False
    engine: str = ""
    min_coverage: float = 80.0
    load: Load = Load()
    timeout: float = 600.0


@dataclass(frozen=True)
class Asked(Wishes):
    """What the person asked for, and what the kinds of test share.

    `results` is the folder that this run writes into. Every program of the run belongs to `programs`, so that
    all end with it; `enough` is set once no further test should begin. `stands` are the copies that kinds
    share; `closing` is left when the run ends, however it ends; `variables` are told to unit tests.
    `progress` says what is done now.
    """

    workspace: Workspace
    platform: Platform
    results: Path
    progress: Progress = lambda _: None
    programs: Programs = field(default_factory=Programs)
    enough: threading.Event = field(default_factory=threading.Event)
    closing: ExitStack = field(default_factory=ExitStack)
    variables: dict[str, str] = field(default_factory=dict)
    stands: dict[tuple[str, ...], Stand] = field(default_factory=dict)

    def wants(self, name: str) -> bool:
        """Whether a service is to be tested."""
        return not self.services or name in self.services

    @property
    def among_services(self) -> tuple[str, ...]:
        """Those of the names that are services; all if none was named."""
        return tuple(name for name in self.services if name in self.platform.services)

    def folder(self, name: str) -> Path:
        """A folder of the results, made when missing."""
        path = self.results / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@dataclass(frozen=True)
class Result:
    """What came of a run; `began` is in seconds since the epoch."""

    cases: Sequence[Case]
    kinds: Sequence[str]
    began: float
    seconds: float
    interrupted: bool = False
    strict: bool = False

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 5 nothing ran, 130 interrupted; if `strict`, what could not be run failed."""
        if self.interrupted:
            return INTERRUPTED
        statuses = {case.status for case in self.cases}
        if statuses & (BAD | {"not run"} if self.strict else BAD):
            return FAILED
        return PASSED if statuses & RAN else NOTHING_RAN


def perform(asked: Asked, kinds: Collection[str], tell: Tell, *, strict: bool = False) -> Result:
    """Run the kinds of test one after the other; whatever happens, no program of theirs is left."""
    began, start = time.time(), time.monotonic()
    cases: list[Case] = []
    lock = threading.Lock()

    def told(case: Case) -> None:
        if asked.programs.over and case.status == "error":
            return  # what ran it did not break: it was ended with the run
        with lock:
            cases.append(case)
            if asked.fail_fast and case.status in BAD:
                asked.enough.set()
            tell(case)

    interrupted = False
    try:
        for kind in (name for name in KINDS if name in kinds):
            if asked.enough.is_set():
                told(Case(kind, "platform", kind, "not run", message="an earlier test has failed"))
            else:
                _perform(kind, asked, told)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        asked.enough.set()
        asked.programs.end()
        with uninterrupted():
            asked.closing.close()
    ran = [name for name in KINDS if name in kinds]
    return Result(cases, ran, began, time.monotonic() - start, interrupted, strict)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A stretch in which neither Ctrl-C nor SIGTERM is heard: what was begun is taken back whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _perform(kind: str, asked: Asked, tell: Tell) -> None:
    """Run one kind; what it could not do is a case, so that the others still run."""
    asked.progress(f"{kind}: {KINDS[kind].about}")
    try:
        KINDS[kind].load()(asked, tell)
    except NexusError as error:
        if error.exit_code != FAILED:
            raise
        tell(broken(kind, "platform", error))
