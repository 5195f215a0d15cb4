"""What is said of a release from what was counted of it and of the one beside it."""

from __future__ import annotations

import pytest
from nexus_generators.envoy import Counted

from nexus_cli.blueprint.model import Verdict
from nexus_cli.release.verdict import Says, judge, slower

RULE = Verdict.model_validate({"requests": "20", "errors": "1", "latency": "2"}, strict=False)


def counted(requests: int, errors: int = 0, **times: int) -> Counted:
    return Counted(requests, errors, 0, {float(name[1:]): count for name, count in times.items()})


STEADY = counted(200, 1, t10=190, t50=10)


@pytest.mark.parametrize(
    ("new", "final", "says"),
    [
        (counted(30, t10=30), False, Says.GOOD),
        (counted(19, t10=19), True, Says.UNCLEAR),
        (counted(0), True, Says.UNCLEAR),
        (counted(19, 4, t10=19), False, Says.BAD),  # beyond doubt, however few
        (counted(30, 1, t10=30), False, Says.GOOD),
        (counted(30, 2, t10=30), True, Says.BAD),
        (
            counted(1000, 15, t10=1000),
            True,
            Says.GOOD,
        ),  # 1.5 %: one point more than the old side's is allowed
        (counted(1000, 18, t10=1000), False, Says.BAD),
        (counted(30, t300=30), False, Says.BAD),
        (counted(30, t10=26, t200=4), True, Says.GOOD),  # four slow ones of thirty may be chance
        (counted(30, t20=30), True, Says.GOOD),  # twice as long, and nobody notices
    ],
)
def test_judge(new: Counted, final: bool, says: Says) -> None:
    assert judge(STEADY, new, RULE, final=final).says is says


def test_an_old_side_that_fails_as_often_is_no_reason() -> None:
    failing = counted(200, 40, t10=200)
    assert judge(failing, counted(100, 21, t10=100), RULE, final=True).says is Says.GOOD
    assert judge(failing, counted(100, 30, t10=100), RULE, final=True).says is Says.BAD


def test_how_surely_it_is_slower() -> None:
    assert slower({10.0: 50}, {10.0: 50}) == 0
    assert slower({}, {10.0: 5}) == 0
    assert slower({10.0: 40}, {50.0: 10}) > 4
    assert slower({50.0: 40}, {10.0: 10}) < -4
    # U = 66 of 100 with ties of 6, 5 and 9: by the book, z = 16 / sqrt(100 / 12 * (21 - 1050 / 380))
    old, new = {1.0: 4, 2.0: 3, 5.0: 3}, {1.0: 2, 2.0: 2, 5.0: 6}
    assert slower(old, new) == pytest.approx(16 / (100 / 12 * (21 - 1050 / 380)) ** 0.5)
