"""What the ledger tells of an environment, and how releases and environments are compared."""

from __future__ import annotations

from nexus_cli.blueprint.model import Environment
from nexus_cli.release.compare import compare, differences, place
from nexus_cli.release.history import happened, serving
from nexus_cli.release.ledger import Ledger
from nexus_cli.release.record import Artifact, Live, Release, Side

BEGUN = {"action": "deploy", "version": "v1", "services": ["order"], "actor": "ada", "reason": "because"}


def release(version: str, texts: dict[str, str], **artifacts: Artifact) -> Release:
    return Release(version, "c0ffee", False, "ada", "", 1.0, texts, artifacts)


def test_a_run_is_told_with_its_steps_its_end_and_its_durations(book: Ledger) -> None:
    run = book.append("staging", "begun", BEGUN).number
    book.append("staging", "step", {"run": run, "id": "start order.r1", "state": "begun"})
    done = {"run": run, "id": "start order.r1", "state": "done", "seconds": 0.5, "detail": "up"}
    book.append("staging", "step", done)
    book.append("production", "begun", {**BEGUN, "version": "v0"})
    book.append("staging", "ended", {"run": run, "outcome": "rolled-back", "why": "slow", "seconds": 2.5})
    (told,) = happened(book.entries("staging"))
    assert (told.action, told.version, told.services, told.actor) == ("deploy", "v1", ("order",), "ada")
    assert (told.outcome, told.why, told.seconds, told.reason) == ("rolled-back", "slow", 2.5, "because")
    assert [(step.id, step.state, step.seconds) for step in told.steps] == [("start order.r1", "done", 0.5)]


def test_a_run_without_an_end_is_unfinished_and_other_happenings_stand_beside_it(book: Ledger) -> None:
    book.append("staging", "approval", {"actor": "bob", "version": "v1", "reason": "looked at it"})
    book.append("staging", "begun", BEGUN)
    book.append("staging", "unlock", {"actor": "cy", "reason": "gone", "holder": {"actor": "a", "host": "h"}})
    down = {"actor": "cy", "reason": ""}
    book.append("staging", "down", {**down, "services": [], "volumes": True})
    book.append("staging", "down", {**down, "services": ["order", "user"], "volumes": False})
    ended = {**down, "services": [], "volumes": False, "orphans": True, "outcome": "succeeded"}
    book.append("staging", "down", ended)
    book.append("staging", "down", {**ended, "services": ["order"], "orphans": False, "outcome": "failed"})
    told = happened(book.entries("staging"))
    assert [(run.action, run.outcome) for run in told] == [
        ("approval", "approved"),
        ("deploy", "unfinished"),
        ("unlock", "taken from a on h"),
        ("down", "everything stopped, with its data"),
        ("down", "order, user stopped"),
        ("down", "what no release has stopped"),
        ("down", "stopping order: failed"),
    ]


def test_what_serves_is_what_was_written_last(book: Ledger) -> None:
    assert serving(book, "staging") == Live()
    for version in ("v1", "v2"):
        book.append("staging", "live", {"run": 1, "step": "", "live": Live(version).as_dict()})
    assert serving(book, "staging").base == "v2"
    assert serving(book, "production") == Live()


def test_releases_differ_in_services_migrations_and_the_text_of_blueprints() -> None:
    old = release(
        "v1",
        {"nexus.yaml": "name: shop\nport: 1\n"},
        order=Artifact("aa", ("0001",)),
        gone=Artifact("bb"),
        same=Artifact("cc"),
    )
    new = release(
        "v2",
        {"nexus.yaml": "name: shop\nport: 2\n"},
        order=Artifact("dd", ("0001", "0002"), {"0002": "drops name"}),
        fresh=Artifact("ee"),
        same=Artifact("cc"),
    )
    found = compare(old, new)
    assert found.services == (("added", "fresh"), ("removed", "gone"), ("changed", "order"))
    assert found.migrations == {"order": ("0002",)}
    assert found.irreversible == {"0002": "drops name"}
    assert {"--- v1/nexus.yaml", "+++ v2/nexus.yaml", "-port: 1", "+port: 2"} <= set(found.blueprints)
    assert compare(old, old).services == compare(old, old).blueprints == ()


def test_environments_differ_in_rules_variables_and_what_serves_and_tell_no_secret() -> None:
    live = Live("v2", {"order": (Side("order", 3, "v2", 2, 100, "x"), Side("order", 2, "v1", 1, 0, "y"))})
    staging = Environment(nexus="v1", name="staging", variables={"LEVEL": "debug", "SAME": "1"})
    production = Environment(nexus="v1", name="production", variables={"SAME": "1"}, replicas={"order": 4})
    one = place(staging, live, ("API_KEY",), None)
    other = place(production, Live(), ("API_KEY",), None)
    assert one.facts["secrets"] == "env: API_KEY"
    assert one.facts["service order"] == "v2 x 2, 100 %, v1 x 1, 0 %"
    assert differences(one, other) == [
        ("variable LEVEL", "debug", ""),
        ("serves", "v2, v1", "nothing"),
        ("service order", "v2 x 2, 100 %, v1 x 1, 0 %", ""),
        ("replicas of order", "", "4"),
    ]
