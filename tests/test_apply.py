"""Carrying out a plan: in parallel, in order, and what a failure leaves."""

from __future__ import annotations

import signal
import threading
from typing import get_args

import pytest

from nexus_cli.apply import apply
from nexus_cli.errors import NexusError
from nexus_cli.events import Event, StepFailed, StepSkipped, StepStarted, StepWaiting
from nexus_cli.plan import MARKS, Action, Plan, Step
from nexus_cli.render.words import DOING, DONE

PLAN = Plan(
    "up",
    (
        Step("start", "db", "x"),
        Step("start", "cache", "x"),
        Step("start", "api", "x", ("start db", "start cache")),
        Step("start", "web", "x", ("start api",)),
    ),
)


def test_each_step_after_its_own_predecessors() -> None:
    order: list[str] = []
    events: list[Event] = []
    together = threading.Barrier(2, timeout=5)

    def execute(step: Step) -> str:
        if step.unit in {"db", "cache"}:
            together.wait()  # both at once, or the barrier breaks
        order.append(step.unit)
        return ""

    outcome = apply(PLAN, execute, events.append, threading.Event())
    assert outcome.ok
    assert set(order[:2]) == {"db", "cache"}
    assert order[2:] == ["api", "web"]
    assert any(
        isinstance(e, StepWaiting) and e.unit == "api" and set(e.on) == {"db", "cache"} for e in events
    )


def test_a_failure_skips_what_needs_it_and_nothing_else() -> None:
    events: list[Event] = []

    def execute(step: Step) -> str:
        if step.unit == "db":
            raise NexusError("broken", hint="mend it")
        return ""

    outcome = apply(PLAN, execute, events.append, threading.Event())
    assert not outcome.ok
    assert outcome.done == ["start cache"]
    assert outcome.skipped == ["start api", "start web"]
    failed = [e for e in events if isinstance(e, StepFailed)]
    assert (failed[0].failure.reason, failed[0].failure.next) == ("broken", ("mend it",))
    assert [e.why for e in events if isinstance(e, StepSkipped)] == [
        "start db failed",
        "start api was skipped",
    ]


def test_nothing_new_begins_after_a_cancel() -> None:
    cancelled = threading.Event()

    def execute(step: Step) -> str:
        cancelled.set()
        return ""

    outcome = apply(
        Plan("up", (PLAN.steps[0], Step("start", "api", "x", ("start db",)))),
        execute,
        lambda _: None,
        cancelled,
    )
    assert outcome.done == ["start db"]
    assert outcome.skipped == ["start api"]


@pytest.mark.parametrize("heard", [True, False])
def test_ctrl_c_ends_a_plan_unless_it_is_not_heard(heard: bool) -> None:
    def press(_: Event) -> None:
        if not pressed.is_set():
            pressed.set()
            signal.raise_signal(signal.SIGINT)

    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, signal.default_int_handler if heard else signal.SIG_IGN)
    try:
        outcome = apply(
            PLAN, lambda _: "", lambda e: press(e) if isinstance(e, StepStarted) else None, threading.Event()
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert (outcome.interrupted, pressed.is_set()) == (heard, True)


def test_every_action_has_its_words() -> None:
    assert DOING.keys() == DONE.keys() == MARKS.keys() == set(get_args(Action))


def test_a_step_begins_when_it_has_its_turn_and_not_before() -> None:
    begun: list[str] = []
    waiting: list[int] = []

    def execute(step: Step) -> str:
        waiting.append(len(begun))
        return ""

    plan = Plan("up", tuple(Step("start", f"s{number}", "x") for number in range(6)))
    told = lambda event: begun.append(event.id) if isinstance(event, StepStarted) else None  # noqa: E731
    assert apply(plan, execute, told, threading.Event(), workers=1).ok
    assert waiting == [1, 2, 3, 4, 5, 6]
