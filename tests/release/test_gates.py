"""Times at which nothing is deployed, and people who have to agree."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nexus_cli.blueprint.model import Environment
from nexus_cli.errors import UsageError
from nexus_cli.release.freeze import frozen
from nexus_cli.release.gates import brought, found, refusals
from nexus_cli.release.record import Live, Side

WEEKEND = "Fri 16:00 - Mon 07:00 Europe/Berlin"


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("moment", "zone", "over"),
    [
        ("2026-11-20 15:59:59", "Europe/Berlin", None),
        ("2026-11-20 16:00", "Europe/Berlin", "2026-11-23 06:00"),
        ("2026-11-22 12:00", "Europe/Berlin", "2026-11-23 06:00"),
        ("2026-11-23 06:59:59", "Europe/Berlin", "2026-11-23 06:00"),
        ("2026-11-23 07:00", "Europe/Berlin", None),
        ("2026-11-20 15:30", "UTC", "2026-11-23 06:00"),
        # a Monday in Auckland, still Sunday in Berlin
        ("2026-11-23 10:00", "Pacific/Auckland", "2026-11-23 06:00"),
    ],
)
def test_a_weekend_is_frozen_by_its_own_clock(moment: str, zone: str, over: str | None) -> None:
    assert frozen(WEEKEND, at(moment, zone)) == (at(over) if over else None)


def test_without_a_zone_it_is_meant_in_utc() -> None:
    assert frozen("Wed 10:00 - Wed 11:00", at("2026-11-18 10:30")) == at("2026-11-18 11:00")
    assert frozen("Wed 10:00 - Wed 11:00", at("2026-11-18 10:30", "Europe/Berlin")) is None


def test_the_clock_that_is_put_forward_or_back_moves_the_end() -> None:
    # summer time begins on Sunday, 29 March 2026, and ends on Sunday, 25 October 2026
    assert frozen(WEEKEND, at("2026-03-28 12:00")) == at("2026-03-30 05:00")
    assert frozen(WEEKEND, at("2026-10-24 12:00")) == at("2026-10-26 06:00")


def test_a_time_that_comes_twice_or_never_makes_the_window_as_long_as_it_may_be() -> None:
    window = "Sun 02:15 - Sun 02:45 Europe/Berlin"
    twice, never = at("2026-10-25 00:15"), at("2026-03-29 00:15")
    assert frozen(window, twice) == frozen(window, at("2026-10-25 01:30")) == at("2026-10-25 01:45")
    assert frozen(window, at("2026-10-25 00:14")) is frozen(window, at("2026-10-25 01:45")) is None
    assert frozen(window, never) == at("2026-03-29 01:45")


@pytest.mark.parametrize(
    ("window", "over"),
    [
        ("Mon 00:00 - Mon 00:00", "2026-11-23 00:00"),
        ("Wed 12:00 - Wed 10:00", "2026-11-25 10:00"),
        ("Sat 00:00 - Thu 00:00", "2026-11-19 00:00"),
    ],
)
def test_a_window_may_be_as_long_as_a_week(window: str, over: str) -> None:
    assert frozen(window, at("2026-11-18 12:00")) == at(over)


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(UsageError, match='no time zone "Europe/Atlantis"'):
        frozen("Mon 00:00 - Tue 00:00 Europe/Atlantis", at("2026-11-18 12:00"))


def environment(**rules: object) -> Environment:
    return Environment(nexus="v1", name="production", **rules)


def refused(place: Environment, approvals: list[tuple[str, str]], who: str = "ada") -> list[str]:
    return [one.why for one in refusals(place, ["v2"], who, approvals, at("2026-11-21 12:00"))]


def test_a_freeze_names_its_window_and_its_end() -> None:
    assert refused(environment(freeze=[WEEKEND, "Mon 00:00 - Tue 00:00"]), []) == [
        f"nothing is deployed to production in {WEEKEND}, now until Mon 2026-11-23 06:00 UTC"
    ]


@pytest.mark.parametrize(
    ("approvals", "who", "lets"),
    [
        ([], "ada", False),
        ([("v2", "bob")], "ada", True),
        ([("v1", "bob")], "ada", False),  # of another release
        ([("v2", "eve")], "ada", False),  # by somebody who is not named
        ([("v2", "bob")], "bob", False),  # by the one who deploys
        ([("v2", "bob"), ("v2", "cy")], "bob", True),
    ],
)
def test_somebody_else_who_is_named_has_to_agree_to_this_release(
    approvals: list[tuple[str, str]], who: str, lets: bool
) -> None:
    assert (refused(environment(approve=["bob", "cy"]), approvals, who) == []) is lets


def test_the_refusal_names_who_could_agree_and_how() -> None:
    (refusal,) = refusals(environment(approve=["bob", "cy"]), ["v2"], "bob", [], datetime.now(UTC))
    assert refusal.why == "production wants one of cy to agree to v2"
    assert refusal.hint == "nexus approve production --version v2"


def test_only_what_begins_to_serve_needs_an_agreement() -> None:
    def live(base: str, **releases: str) -> Live:
        return Live(base, {n: (Side(n, 1, v, 1, 100, v),) for n, v in releases.items()}, {"gateway": base})

    assert brought(Live(), live("v1", order="v1")) == ["v1"]
    assert brought(live("v1", order="v1", user="v1"), live("v1", order="v2", user="v1")) == ["v2"]
    assert brought(live("v2", order="v1"), live("v2", order="v1")) == []


def test_going_back_is_never_held_up() -> None:
    place: Any = SimpleNamespace(described=environment(freeze=["Mon 00:00 - Mon 00:00"], approve=["bob"]))
    intent: Any = SimpleNamespace(action="rollback", estate=place)
    assert found(intent) == []
