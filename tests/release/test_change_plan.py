"""The plan of a deployment, with nothing that runs: who starts, who is asked, who gets requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from nexus_cli.blueprint.model import Deploy, Smoke, Strategy
from nexus_cli.plan import Plan, Step
from nexus_cli.release.change import SETTINGS, STRAYED, Change, plan
from nexus_cli.release.moves import Shift
from nexus_cli.release.record import Live, Side
from nexus_cli.stack.reconcile import Facts
from nexus_cli.unit import Observed, State, Unit

GATEWAY = Unit("gateway", "component", ("envoy",), "1")


def side(service: str, revision: int, share: int, replicas: int = 1) -> Side:
    return Side(service, revision, f"v{revision}", replicas, share, f"c{revision}")


def live(*sides: Side) -> Live:
    result = Live("v1", {}, {"gateway": "v1"})
    for one in sides:
        result = result.with_sides(one.service, (*result.sides.get(one.service, ()), one))
    return result


def running(now: Live) -> Facts:
    services = [Observed(name, "service", "1", State.RUNNING, ready=True) for name in sorted(now.units)]
    return Facts([Observed("gateway", "component", "1", State.RUNNING, ready=True), *services])


def change(
    before: Live, after: Live, strategy: Strategy, deploy: Deploy | None = None, **more: Any
) -> Change:
    names = sorted(before.units | after.units)
    return Change(
        "deploy v2",
        before,
        after,
        [GATEWAY, *(Unit(name, "service", ("serve",), "1") for name in names)],
        running(before),
        gateway="gateway",
        deploys={name: deploy or Deploy() for name in after.sides},
        strategies=dict.fromkeys(after.sides, strategy),
        **more,
    )


def told(found: Plan) -> list[str]:
    """The steps in an order in which they may be done, moves of requests with their shares."""
    at = {step.id: number for number, step in enumerate(found.steps)}
    assert all(at[need] < at[step.id] for step in found.steps for need in step.after)
    return [f"{s.id}: {shares(s.sides)}" if isinstance(s, Shift) else s.id for s in found.steps]


def shares(sides: Sequence[Side]) -> str:
    return ", ".join(f"{s.release} {s.share}" + (f" x{s.replicas}" if s.replicas > 1 else "") for s in sides)


ONE = live(side("order", 1, 100))
TWO = live(side("order", 2, 100))


def test_nothing_to_do() -> None:
    assert not plan(change(ONE, ONE, "rolling")).changed


@pytest.mark.parametrize(
    ("strategy", "steps"),
    [
        (
            "rolling",
            ["start order.r2", "shift order 1/1: v1 0, v2 100", "watch order 100 %"],
        ),
        (
            "blue-green",
            ["start order.r2", "shift order 100 %: v1 0, v2 100", "watch order 100 %"],
        ),
        (
            "canary",
            [
                "start order.r2",
                "shift order 10 %: v1 90, v2 10",
                "watch order 10 %",
                "shift order 50 %: v1 50, v2 50",
                "watch order 50 %",
                "shift order 100 %: v1 0, v2 100",
                "watch order 100 %",
            ],
        ),
    ],
)
def test_each_strategy_moves_requests_before_it_ends_the_old_side(
    strategy: Strategy, steps: list[str]
) -> None:
    end = ["drain order.r1", "shift order final: v2 100", "stop order.r1"]
    assert told(plan(change(ONE, TWO, strategy))) == [*steps, *end]


def test_recreate_ends_the_old_side_before_the_new_one_begins() -> None:
    assert told(plan(change(ONE, TWO, "recreate"))) == [
        "shift order 0 %: v1 0",
        "drain order.r1",
        "stop order.r1",
        "start order.r2",
        "shift order 100 %: v2 100",
        "watch order 100 %",
    ]


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary", "recreate"])
def test_nothing_changes_over_before_what_is_new_can_start(strategy: Strategy) -> None:
    before, after = live(side("order", 1, 100), side("catalog", 1, 100)), live(side("order", 2, 100))
    found = change(before, after.with_sides("catalog", (side("catalog", 2, 100),)), strategy)
    facts = replace(found.facts, unprepared={"order.r2", "catalog.r2"})
    steps = {step.id: step for step in plan(replace(found, facts=facts)).steps}
    prepared = {name for name in steps if name.startswith("prepare ")}
    assert prepared
    moves = [step for step in steps.values() if isinstance(step, Shift)]

    def needed(step: Step) -> set[str]:
        return {*step.after, *(name for need in step.after for name in needed(steps[need]))}

    assert len(moves) >= 4
    assert all(prepared <= needed(move) for move in moves)


def test_a_gateway_that_leads_elsewhere_is_put_right_first() -> None:
    strayed = replace(running(ONE), unconfigured=["gateway"])
    assert told(plan(replace(change(ONE, TWO, "blue-green"), facts=strayed)))[:3] == [
        "start order.r2",
        "configure gateway",
        "shift order 100 %: v1 0, v2 100",
    ]
    for by_hand, cause in ((True, STRAYED), (False, SETTINGS)):
        alone = plan(replace(change(ONE, ONE, "rolling"), facts=strayed, strayed=by_hand))
        assert [(step.id, step.cause) for step in alone.steps] == [("configure gateway", cause)]


def test_every_replica_is_asked_before_it_gets_a_request() -> None:
    before, after = live(side("order", 1, 100, 2)), live(side("order", 2, 100, 2))
    deploy = Deploy(smoke=(Smoke(path="/orders"), Smoke(path="/health")))
    steps = told(plan(change(before, after, "rolling", deploy)))
    second = steps.index("start order.r2.2")
    assert steps[:4] == [
        "start order.r2",
        "smoke order.r2",
        "smoke order.r2 2",
        "shift order 1/2: v1 50, v2 50",
    ]
    assert steps[second : second + 4] == [
        "start order.r2.2",
        "smoke order.r2.2",
        "smoke order.r2.2 2",
        "shift order 2/2: v1 0, v2 100 x2",
    ]


def test_what_takes_the_place_of_the_old_one_is_asked_too() -> None:
    steps = told(plan(change(ONE, TWO, "recreate", Deploy(smoke=(Smoke(path="/orders"),)))))
    at = steps.index("start order.r2")
    assert steps[at : at + 3] == ["start order.r2", "smoke order.r2", "shift order 100 %: v2 100"]


BROKEN_OFF = live(side("order", 1, 90), side("order", 2, 10))


def test_a_canary_that_was_killed_is_watched_again_where_it_stood() -> None:
    steps = told(plan(change(BROKEN_OFF, TWO, "canary")))
    assert steps[:3] == ["watch order 10 %", "shift order 50 %: v1 50, v2 50", "watch order 50 %"]


def test_a_canary_that_a_person_has_judged_goes_on() -> None:
    steps = told(plan(change(BROKEN_OFF, TWO, "canary", judged=True)))
    assert steps[:2] == ["shift order 50 %: v1 50, v2 50", "watch order 50 %"]


def test_the_way_back_is_neither_watched_nor_asked_to_start_what_stands() -> None:
    assert told(plan(change(BROKEN_OFF, ONE, "blue-green", watched=False))) == [
        "shift order 100 %: v2 0, v1 100",
        "drain order.r2",
        "shift order final: v1 100",
        "stop order.r2",
    ]


def test_services_change_in_the_order_in_which_they_use_each_other() -> None:
    before = live(side("catalog", 1, 100), side("order", 1, 100))
    after = live(side("catalog", 2, 100), side("order", 2, 100))
    uses = {"order": ["catalog"], "catalog": []}
    steps = told(plan(replace(change(before, after, "blue-green"), uses=uses)))
    moves = [step.partition(":")[0] for step in steps if step.startswith(("shift", "stop", "drain"))]
    assert moves[:2] == ["shift catalog 100 %", "shift order 100 %"]  # nothing ends before all have moved
    assert set(moves[2:]) == {
        f"{action} {unit}" for unit in ("catalog.r1", "order.r1") for action in ("drain", "stop")
    } | {"shift catalog final", "shift order final"}


def test_a_service_that_is_gone_gets_no_request_before_it_ends() -> None:
    before = live(side("catalog", 1, 100), side("order", 1, 100))
    assert told(plan(change(before, ONE, "rolling"))) == [
        "shift catalog 0 %: v1 0",
        "drain catalog.r1",
        "shift catalog final: ",
        "stop catalog.r1",
    ]
