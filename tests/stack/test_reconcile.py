"""Plans as text: what runs, what should, and why each step is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nexus_cli.stack.reconcile import Facts, reconcile, teardown
from nexus_cli.unit import Observed, PythonProject, State, Unit


def unit(
    name: str, *needs: str, fingerprint: str = "a=1", kind: str = "service", folder: str | None = None
) -> Unit:
    runtime = PythonProject(Path(folder)) if folder else None
    return Unit(name=name, kind=kind, command=("x",), fingerprint=fingerprint, needs=needs, runtime=runtime)  # type: ignore[arg-type]


def seen(
    name: str, *needs: str, fingerprint: str = "a=1", state: State = State.RUNNING, **more: object
) -> Observed:
    return Observed(
        **{
            "name": name,
            "kind": "service",
            "fingerprint": fingerprint,
            "state": state,
            "ready": True,
            "needs": needs,
            **more,
        }
    )  # type: ignore[arg-type]


def plan(desired: list[Unit], observed: list[Observed], **facts: frozenset[str]) -> str:
    return str(reconcile("up", desired, Facts(observed, **facts), {u.name for u in desired}))


def test_nothing_runs() -> None:
    desired = [unit("web", "api"), unit("api", "db", "db.api"), unit("db"), unit("db.api", "db", kind="job")]
    assert plan(desired, []).splitlines() == [
        "+ start     db  (not running)",
        "+ run       db.api  (not run yet)",
        "+ start     api  (not running)",
        "+ start     web  (not running)",
    ]


def test_units_that_share_an_environment_share_its_preparation() -> None:
    desired = [unit("api", "api.migrate", folder="/x"), unit("api.migrate", kind="job", folder="/x")]
    found = reconcile(
        "up", desired, Facts([], unprepared=frozenset({"api", "api.migrate"})), {"api", "api.migrate"}
    )
    assert str(found).splitlines() == [
        "* prepare   api.migrate  (programs or environment missing)",
        "+ run       api.migrate  (not run yet)",
        "+ start     api  (not running)",
    ]
    assert found.steps[2].after == ("run api.migrate", "prepare api.migrate")


def test_everything_runs() -> None:
    assert plan([unit("db"), unit("api", "db")], [seen("db"), seen("api")]) == "nothing to do"


def test_each_cause_is_named() -> None:
    desired = [unit(name) for name in ("changed", "crashed", "ended", "halted", "slow")]
    desired[0] = unit("changed", fingerprint="a=1 b=2 c=3")
    observed = [
        seen("changed", fingerprint="a=1 b=9"),
        seen("crashed", state=State.CRASHED),
        seen("ended", state=State.EXITED, exit_code=3),
        seen("halted", state=State.PAUSED),
        seen("slow", ready=False),
        seen("old"),
    ]
    assert plan(desired, observed).splitlines() == [
        "~ restart   changed  (changed: b, c)",
        "~ restart   crashed  (in a crash loop)",
        "+ start     ended  (ended with exit code 3)",
        "~ restart   halted  (paused)",
        "? await     slow  (not ready yet)",
        "- stop      old  (no longer wanted)",
    ]


def test_a_job_that_succeeded_is_not_run_again() -> None:
    job = unit("api.migrate", kind="job")
    done = seen("api.migrate", kind="job", state=State.EXITED, exit_code=0, ready=False)
    failed = seen("api.migrate", kind="job", state=State.EXITED, exit_code=1, ready=False)
    assert plan([job], [done]) == "nothing to do"
    assert plan([job], [failed]) == "+ run       api.migrate  (ended with exit code 1)"


def test_units_outside_the_subset_are_left_alone() -> None:
    found = reconcile("up", [unit("api")], Facts([seen("web")]), {"api", "web"})
    assert str(found) == "+ start     api  (not running)"


def test_live_files_do_not_restart() -> None:
    assert plan([unit("gw")], [seen("gw")], unconfigured=frozenset({"gw"})) == (
        "~ configure gw  (configuration changed)"
    )


def test_teardown_stops_users_first() -> None:
    observed = [seen("db"), seen("api", "db"), seen("web", "api")]
    found = teardown("down", observed, cause="asked for")
    assert [(step.unit, step.after) for step in found.steps] == [
        ("web", ()),
        ("api", ("stop web",)),
        ("db", ("stop api",)),
    ]


def test_a_gateway_is_done_once_it_routes_to_what_was_started() -> None:
    gateway = replace(unit("gw"), upstreams=("a", "b"))
    desired = [gateway, unit("a"), unit("b")]
    found = reconcile("up", desired, Facts([seen("gw"), seen("a")]), {"gw", "a", "b"})
    assert str(found).splitlines() == ["+ start     b  (not running)", "? route     gw  (new: b)"]
    assert found.steps[1].after == ("start b",)
    assert not reconcile("up", desired, Facts([seen("gw"), seen("a"), seen("b")]), {"gw", "a", "b"}).changed


def test_a_gateway_alone_does_not_wait_for_services_that_nobody_asked_for() -> None:
    gateway = replace(unit("gw"), upstreams=("a",))
    found = reconcile("up", [gateway], Facts([]), {"gw", "a"})
    assert str(found) == "+ start     gw  (not running)"


def test_a_gateway_leads_to_new_replicas_once_they_are_ready_and_away_from_old_ones_before_they_stop() -> (
    None
):
    gateway = replace(unit("gw"), upstreams=("a", "a.2"))
    desired = [gateway, unit("a"), unit("a.2")]
    observed = [seen("gw"), seen("a"), seen("a.3")]
    found = reconcile("up", desired, Facts(observed, unconfigured={"gw"}), {"gw", "a", "a.2"})
    assert [(step.id, step.after) for step in found.steps] == [
        ("start a.2", ()),
        ("configure gw", ("start a.2",)),
        ("route gw", ("configure gw", "start a.2")),
        ("stop a.3", ("configure gw",)),
    ]


def test_who_takes_over_a_port_waits_for_its_holder_to_stop() -> None:
    new = replace(unit("orders"), ports={"http": 8021})
    found = reconcile("up", [new], Facts([seen("order", ports={"http": 8021})]), {"orders"})
    assert [(step.id, step.after) for step in found.steps] == [
        ("stop order", ()),
        ("start orders", ("stop order",)),
    ]
