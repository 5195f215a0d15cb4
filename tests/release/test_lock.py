"""Who may change an environment: held, lost by dying, by time, or by force; and never by two at once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nexus_cli.apply import Outcome
from nexus_cli.errors import NexusError
from nexus_cli.events import Event, Note
from nexus_cli.release import ledger as ledgers
from nexus_cli.release import lock as locks
from nexus_cli.release.leave import leaving
from nexus_cli.release.ledger import Fenced, Ledger, opened
from nexus_cli.release.lock import Holder, holder, lock, unlock
from nexus_cli.workspace import Workspace, mark_deployed

HOLD = """
import sys, time
from nexus_cli.release.ledger import Ledger
from nexus_cli.release.lock import lock
with lock(Ledger(sys.argv[1]), "staging", "deploy staging", print) as token:
    print(token, flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(ledger: Ledger) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds staging, and its token."""
    command = [sys.executable, "-c", HOLD, ledger.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_taking_down_waits_as_long_as_it_was_told_and_says_by_which_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_LEDGER", f"sqlite:///{tmp_path}/ledger.db")
    place = Workspace(tmp_path)
    mark_deployed(place, "staging")
    book = opened(place)

    def down(ended: Callable[[], Outcome], patience: float = 0.0) -> Outcome:
        flags = {"volumes": False, "orphans": False}
        return leaving(place, "staging", ["order"], ignore, ended, patience=patience, **flags)

    def fail() -> Outcome:
        raise NexusError("the engine is gone")

    with held(book) as (other, _):
        with pytest.raises(NexusError) as fault:
            down(Outcome)
        assert "--lock-timeout waits for it" in (fault.value.hint or "")
        threading.Timer(0.3, other.kill).start()
        assert down(Outcome, patience=30).ok
    with pytest.raises(NexusError, match="the engine is gone"):
        down(fail)
    down(lambda: Outcome(interrupted=True))
    told = [entry.body["outcome"] for entry in book.entries("staging", "down")]
    assert told == ["succeeded", "failed", "interrupted"]


def ignore(event: Event) -> None:
    del event


def elsewhere(ledger: Ledger, lease: float) -> Holder:
    """A holder on another machine, whose heart does not beat any more."""
    found = Holder("deploy staging", "ada", "another-host", 1, 0.0, "", time.time())
    with ledger.locks() as connection:
        row = json.dumps(
            {
                name: getattr(found, name)
                for name in ("command", "actor", "host", "pid", "started", "boot", "since")
            }
        )
        ledgers.hold(connection, "staging", 7, row, time.time() + lease)
    return found


def test_a_second_one_is_refused_by_the_name_of_the_first(ledger: Ledger) -> None:
    with held(ledger) as (process, _):
        named = rf"`nexus deploy staging` of .* \(pid {process.pid}, since"
        with (
            pytest.raises(NexusError, match=named),
            lock(ledger, "staging", "rollback staging", ignore),
        ):
            pass
        with lock(ledger, "production", "deploy production", ignore):
            pass


def test_who_waits_says_for_whom_and_gets_it_when_the_first_has_ended(ledger: Ledger) -> None:
    said: list[Event] = []
    with held(ledger) as (process, token):

        def ended(event: Event) -> None:
            said.append(event)
            assert process.stdin
            process.stdin.close()

        with lock(ledger, "staging", "deploy staging", ended, wait=20.0) as mine:
            assert mine == token + 1
    assert isinstance(said[0], Note)
    assert f"pid {process.pid}" in said[0].message


def test_a_holder_that_was_killed_is_noticed_at_once(ledger: Ledger) -> None:
    with held(ledger) as (process, token):
        process.kill()
        process.wait()
        assert holder(ledger, "staging") is None
        began = time.monotonic()
        with lock(ledger, "staging", "deploy staging", ignore) as mine:
            assert mine == token + 1
        assert time.monotonic() - began < locks.LEASE / 3


def test_the_lease_of_another_machine_runs_out(ledger: Ledger) -> None:
    elsewhere(ledger, 60.0)
    with (
        pytest.raises(NexusError, match="of ada on another-host"),
        lock(ledger, "staging", "deploy staging", ignore),
    ):
        pass
    elsewhere(ledger, 0.3)
    with lock(ledger, "staging", "deploy staging", ignore, wait=20.0) as mine:
        assert mine == 8


def test_a_heart_that_beats_keeps_the_lease(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE", 0.3)
    with lock(ledger, "staging", "deploy staging", ignore):
        first = expires(ledger)
        deadline = time.monotonic() + 10
        while expires(ledger) == first:
            assert time.monotonic() < deadline, "the heart does not beat"
            time.sleep(0.03)
    assert expires(ledger) == 0.0


def expires(ledger: Ledger) -> float:
    with ledger.locks() as connection:
        return float(ledgers.held(connection, "staging").expires)


def test_who_lost_the_lock_can_write_nothing_more(ledger: Ledger) -> None:
    with lock(ledger, "staging", "deploy staging", ignore) as token:
        ledger.append("staging", "note", {"n": 1}, token=token)
        taken = unlock(ledger, "staging", "it hangs")
        assert taken is not None
        assert taken.command == "deploy staging"
        with pytest.raises(Fenced, match="another command has taken over staging"):
            ledger.append("staging", "note", {"n": 2}, token=token)
        with lock(ledger, "staging", "rollback staging", ignore) as mine:
            assert mine > token
            ledger.append("staging", "note", {"n": 3}, token=mine)
            with pytest.raises(Fenced):
                ledger.append("staging", "note", {"n": 4}, token=token)
    assert [entry.body["n"] for entry in ledger.entries("staging", "note")] == [1, 3]
    (audited,) = ledger.entries("staging", "unlock")
    assert audited.body["reason"] == "it hangs"
    assert audited.body["holder"]["command"] == "deploy staging"


def test_who_was_fenced_does_not_give_away_the_lock_of_the_next(ledger: Ledger) -> None:
    first = lock(ledger, "staging", "deploy staging", ignore)
    first.__enter__()
    unlock(ledger, "staging", "it hangs")
    with lock(ledger, "staging", "rollback staging", ignore):
        first.__exit__(None, None, None)
        found = holder(ledger, "staging")
        assert found is not None
        assert found.command == "rollback staging"


def test_of_many_who_come_at_once_to_a_fresh_environment_one_gets_it(ledger: Ledger) -> None:
    commands = [[sys.executable, "-c", HOLD, ledger.url] for _ in range(4)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for command in commands]  # type: ignore[call-overload]
    try:
        tokens, refusals = [], []
        for process in started:
            line = process.stdout.readline().strip()
            tokens += [line] if line else []
            refusals += [process.communicate(timeout=30)[1]] if not line else []
        assert tokens == ["1"]
        assert len(refusals) == 3
        assert all("staging is being changed by `nexus deploy staging`" in said for said in refusals)
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_nobody_to_take_it_from_is_no_fault(book: Ledger) -> None:
    assert unlock(book, "staging", "to be sure") is None
    assert book.entries() == []


def test_a_pid_that_somebody_else_has_by_now_is_not_the_holder(book: Ledger) -> None:
    with lock(book, "staging", "deploy staging", ignore):
        mine = holder(book, "staging")
    assert mine is not None
    assert not mine.dead
    assert replace(mine, started=mine.started - 100).dead
