"""Starting a container counts before asking one, but nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from nexus_cli.engine.docker import turns
from nexus_cli.engine.docker.turns import STARTS, Turns


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Starting:
    """As many starts as are asked for, each of which lasts until it is let go."""

    def __init__(self, turn: Turns, number: int) -> None:
        self.go, self.inside, self._counting = threading.Event(), 0, threading.Lock()
        self.threads = [threading.Thread(target=self.start, args=(turn,)) for _ in range(number)]
        for thread in self.threads:
            thread.start()
        until(lambda: self.inside == min(number, STARTS) and turn._in_line == max(0, number - STARTS))

    def start(self, turn: Turns) -> None:
        with turn.start():
            with self._counting:
                self.inside += 1
            self.go.wait(10)

    def end(self) -> None:
        self.go.set()
        for thread in self.threads:
            thread.join(10)


def test_a_command_comes_in_beside_the_last_starts() -> None:
    turn = Turns()
    starting = Starting(turn, STARTS)
    began = time.monotonic()
    with turn.command():
        assert time.monotonic() - began < turns._GIVES_WAY / 2
    starting.end()


def test_a_command_gives_way_to_those_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_GIVES_WAY", 30.0)
    turn = Turns()
    starting = Starting(turn, STARTS + 1)
    asked: list[int] = []

    def ask() -> None:
        with turn.command():
            asked.append(turn._in_line)

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: bool(turn._line._waiters))  # it stands aside
    assert not asked
    starting.end()
    asking.join(10)
    assert asked == [0]


def test_a_command_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_GIVES_WAY", 0.02)
    turn = Turns()
    starting = Starting(turn, STARTS + 1)
    with turn.command():
        assert starting.inside == STARTS
    starting.end()
