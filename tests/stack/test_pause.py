"""How often what starts is asked whether it is ready."""

from __future__ import annotations

from nexus_cli.stack.run import pause


def test_what_is_ready_soon_is_noticed_at_once_and_what_takes_long_is_asked_seldom() -> None:
    assert pause(0.03, 0.1) == 0.03
    assert pause(0.03, 2) == 0.1
    assert pause(0.03, 40) == 0.25


def test_a_probe_is_never_asked_more_often_than_it_says() -> None:
    assert pause(1.0, 2) == 1.0
