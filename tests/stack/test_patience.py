"""How long is waited for what gets ready, on an idle machine and on a busy one."""

from __future__ import annotations

from collections.abc import Iterator

from nexus_cli.stack.patience import Patience, processor_share, share_of


def ticking(*moments: float) -> Iterator[float]:
    return iter(moments)


def test_a_second_counts_whole_where_there_is_a_processor_for_everybody() -> None:
    clock = ticking(100.0, 110.0, 160.5)
    patience = Patience(60.0, lambda: share_of(2, 2), lambda: next(clock))
    assert patience.spend() == 50.0
    assert patience.spend() < 0
    assert patience.waited == 60.5


def test_a_second_counts_less_where_many_want_the_same_processors() -> None:
    clock, shares = ticking(0.0, 40.0, 80.0, 85.0), iter([share_of(8, 2), share_of(8, 2), share_of(1, 2)])
    patience = Patience(60.0, lambda: next(shares), lambda: next(clock))
    assert patience.spend() == 50.0
    assert patience.spend() == 40.0
    assert patience.spend() == 35.0  # the others are done: from now on it is the clock again


def test_what_hangs_is_given_up_even_where_nobody_ever_rests() -> None:
    assert share_of(1000, 2) == 1 / 8
    assert 1 / 8 <= processor_share() <= 1
