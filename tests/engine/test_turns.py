"""Starting a container counts before asking one, but nobody waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from nexus_cli.engine.docker import turns
from nexus_cli.engine.docker.turns import STARTS, Turns


class Starting:
    """As many starts as are asked for, each of which lasts until it is let go."""

    def __init__(self, turn: Turns, number: int) -> None:
        self.go, self.inside = threading.Event(), 0
        self.threads = [threading.Thread(target=self.start, args=(turn,)) for _ in range(number)]
        for thread in self.threads:
            thread.start()
        deadline = time.monotonic() + 10
        while self.inside < min(number, STARTS) or turn._in_line != max(0, number - STARTS):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def start(self, turn: Turns) -> None:
        with turn.start():
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
            asked.append(starting.inside)

    asking = threading.Thread(target=ask)
    asking.start()
    starting.end()
    asking.join(10)
    assert asked == [STARTS + 1]


def test_a_command_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_GIVES_WAY", 0.02)
    turn = Turns()
    starting = Starting(turn, STARTS + 1)
    with turn.command():
        assert starting.inside == STARTS
    starting.end()
