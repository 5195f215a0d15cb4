"""What `nexus status --watch` has room for."""

from __future__ import annotations

from nexus_cli.engine.probe import ProbeResult
from nexus_cli.render.status import glance
from nexus_cli.stack.health import Report
from nexus_cli.unit import Observed, State, Unit


def job(name: str, exit_code: int) -> Report:
    seen = Observed(name, "job", "", State.EXITED, exit_code=exit_code)
    return Report(Unit(name=name, kind="job", fingerprint="", command=()), seen, None)


def service(name: str, *, ok: bool) -> Report:
    seen = Observed(name, "service", "", State.RUNNING)
    unit = Unit(name=name, kind="service", fingerprint="", command=())
    return Report(unit, seen, ProbeResult(ok=ok, message=""))


REPORTS = [
    job("postgres.order", 0),
    service("catalog", ok=True),
    service("order", ok=False),
    job("order.migrate", 1),
]


def test_what_is_not_well_comes_first_and_jobs_that_are_done_are_counted() -> None:
    seen = glance("shop/development", REPORTS, 24)
    assert [row[0] for row in seen.rows] == ["order", "order.migrate", "catalog"]
    assert seen.title == "shop/development · 1 of 3 well · 1 job done"


def test_a_small_screen_shows_what_is_not_well_and_says_how_much_more_there_is() -> None:
    seen = glance("shop/development", REPORTS, 5)
    assert [row[0] for row in seen.rows] == ["order", "order.migrate", "… 1 more"]
