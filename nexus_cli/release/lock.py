"""Who may change an environment: a lease with an owner, a heartbeat and a fencing token.

A command that dies leaves a lease that runs out, and on the same machine one that is seen to be dead at once.
Whoever comes after it gets a higher token, and nothing that holds a lower one can write to the ledger.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from nexus_cli.errors import NexusError
from nexus_cli.events import Emit, Note
from nexus_cli.identity import Identity, alive, identify
from nexus_cli.release import ledger as ledgers
from nexus_cli.release.ledger import Ledger

LEASE = 15.0
"""Seconds that a lease is good for without a heartbeat."""

_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: a command of a person on a machine; `started` and `boot` make the pid certain."""

    command: str
    actor: str
    host: str
    pid: int
    started: float
    boot: str
    since: float

    def __str__(self) -> str:
        age = max(0, round(time.time() - self.since))
        return f"`nexus {self.command}` of {self.actor} on {self.host} (pid {self.pid}, since {age} s)"

    @property
    def dead(self) -> bool:
        """Whether it is a process of this machine that has ended; of another machine that is not known."""
        here = self.host == socket.gethostname()
        return here and not alive(Identity(self.pid, self.started, self.boot))


def actor() -> str:
    """Who we are: NEXUS_ACTOR, else git's e-mail address, else the name on this machine."""
    from nexus_cli.repo import email

    try:
        return os.environ.get("NEXUS_ACTOR") or email() or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextlib.contextmanager
def lock(
    ledger: Ledger, environment: str, command: str, emit: Emit, *, wait: float = 0.0, option: str = "--wait"
) -> Iterator[int]:
    """Hold the environment; gives the fencing token that entries in the ledger are written with.

    While another command holds it, waits for at most `wait` seconds, which the command takes by `option`;
    then the fault names the holder.
    """
    token = _acquire(ledger, environment, command, emit, wait, option)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(ledger, environment, token, stop), daemon=True)
    heart.start()
    try:
        yield token
    finally:
        stop.set()
        heart.join()
        _release(ledger, environment, token)


def holder(ledger: Ledger, environment: str) -> Holder | None:
    """Who holds the environment now."""
    with ledger.locks() as connection:
        row = ledgers.held(connection, environment)
    return _living(row)


def unlock(ledger: Ledger, environment: str, reason: str) -> Holder | None:
    """Take the lock away from whoever holds it, which is noted; returns who that was."""
    with ledger.locks() as connection:
        row = ledgers.held(connection, environment)
        found = _holder(row)
        if found is None:
            return None
        ledgers.hold(connection, environment, row.token + 1, "", 0.0)
    body = {"actor": actor(), "reason": reason, "holder": asdict(found)}
    ledger.append(environment, "unlock", body)
    return found


def _acquire(ledger: Ledger, environment: str, command: str, emit: Emit, wait: float, option: str) -> int:
    deadline = time.monotonic() + wait
    said = False
    while True:
        with ledger.locks() as connection:
            row = ledgers.held(connection, environment)
            other = _living(row)
            if other is None:
                token = int(row.token) + 1 if row is not None else 1
                mine = json.dumps(asdict(_us(command)))
                ledgers.hold(connection, environment, token, mine, time.time() + LEASE)
                return token
        if time.monotonic() >= deadline:
            raise NexusError(
                f"{environment} is being changed by {other}",
                hint=f"{option} waits for it; if it is gone for good: nexus unlock {environment} --reason …",
            )
        if not said:
            emit(Note(f"waiting for {other}"))
            said = True
        time.sleep(_POLL)


def _us(command: str) -> Holder:
    me = identify(os.getpid()) or Identity(os.getpid(), 0.0, "")
    return Holder(command, actor(), socket.gethostname(), me.pid, me.started, me.boot, time.time())


def _holder(row: Any) -> Holder | None:
    return Holder(**json.loads(row.holder)) if row is not None and row.holder else None


def _living(row: Any) -> Holder | None:
    """The holder whose lease counts: it has not run out, and its process is not seen to be dead."""
    found = _holder(row)
    if found is None or found.dead:
        return None
    here = (
        found.host == socket.gethostname()
    )  # its process lives: a clock that was set forward proves nothing
    return found if here or row.expires > time.time() else None


def _beat(ledger: Ledger, environment: str, token: int, stop: threading.Event) -> None:
    while not stop.wait(LEASE / 3):
        with contextlib.suppress(NexusError), ledger.locks() as connection:
            row = ledgers.held(connection, environment)
            if row is None or row.token != token:
                return
            ledgers.hold(connection, environment, token, row.holder, time.time() + LEASE)


def _release(ledger: Ledger, environment: str, token: int) -> None:
    with contextlib.suppress(NexusError), ledger.locks() as connection:
        row = ledgers.held(connection, environment)
        if row is not None and row.token == token:
            ledgers.hold(connection, environment, token, "", 0.0)
