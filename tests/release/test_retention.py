"""Which releases' code is kept; never is that removed which serves, stands by or would be gone back to."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.release import artifact, built, retention
from nexus_cli.release.ledger import Ledger
from nexus_cli.release.record import Artifact, Live, Release, Side
from nexus_cli.workspace import Workspace

BEFORE = time.time() - 60
RULES = "nexus: v1\nkind: environment\nname: {}\nretention: {}\n"


@pytest.fixture
def place(workspace: Path, write) -> Workspace:
    write("staging", RULES.format("staging", 2))
    write("production", RULES.format("production", 1))
    return Workspace(workspace)


def live(*versions: str) -> Live:
    """The last version serves, those before it stand by."""
    sides = tuple(
        Side("order", n, version, 1, 100 if version == versions[-1] else 0, version)
        for n, version in enumerate(versions, 1)
    )
    return Live(versions[-1], {"order": sides}) if versions else Live()


def released(ledger: Ledger, place: Workspace, *versions: str) -> None:
    for version in versions:
        folder = place.state / "artifacts" / "order" / f"code-{version}"
        folder.mkdir(parents=True)
        os.utime(folder, (BEFORE, BEFORE))
        release = Release(version, "", False, "ada", "", BEFORE, {}, {"order": Artifact(folder.name)})
        ledger.append("", "release", release.as_dict())


def deployed(ledger: Ledger, environment: str, before: Live, after: Live, outcome: str = "succeeded") -> Live:
    body = {"action": "deploy", "version": after.base, "services": [], "actor": "ada", "reason": ""}
    states = {"before": before.as_dict(), "after": after.as_dict()}
    run = ledger.append(environment, "begun", {**body, **states}).number
    if outcome:
        ledger.append(environment, "ended", {"run": run, "outcome": outcome, "why": "", "seconds": 1.0})
    now = after if outcome == "succeeded" else before
    ledger.append(environment, "live", {"run": run, "step": "", "live": now.as_dict()})
    return now


def kept(ledger: Ledger, place: Workspace) -> list[str]:
    retention.prune(place, load(place.root), ledger)
    return [digest.removeprefix("code-") for _, digest in artifact.kept(place)]


def test_the_last_good_ones_are_kept_and_those_before_them_go(book: Ledger, place: Workspace) -> None:
    released(book, place, *(f"v{n}" for n in range(1, 7)))
    now = Live()
    for number in range(1, 7):
        now = deployed(book, "staging", now, live(f"v{number}"))
    would_go = retention.prunable(place, load(place.root), book)
    assert would_go == [("order", f"code-v{n}") for n in range(1, 5)]
    assert kept(book, place) == ["v5", "v6"]


def test_a_release_that_failed_does_not_push_out_the_last_good_one(book: Ledger, place: Workspace) -> None:
    released(book, place, *(f"v{n}" for n in range(1, 9)))
    now = deployed(book, "production", Live(), live("v1"))
    now = deployed(book, "production", now, live("v2"))
    for number in range(3, 7):
        now = deployed(book, "production", now, live(f"v{number}"), "rolled-back")
    # v2 serves, v1 is where `rollback` leads, v6 was tried last, and two are kept for being the newest
    assert kept(book, place) == ["v1", "v2", "v6", "v7", "v8"]


def test_what_stands_by_and_what_was_broken_off_is_kept(book: Ledger, place: Workspace) -> None:
    released(book, place, *(f"v{n}" for n in range(1, 9)))
    now = deployed(book, "production", Live(), live("v1", "v2"))
    deployed(book, "production", now, live("v4"), "")
    assert kept(book, place) == ["v1", "v2", "v4", "v7", "v8"]


def test_what_another_environment_serves_is_kept_though_nobody_describes_it_any_more(
    book: Ledger, place: Workspace
) -> None:
    released(book, place, *(f"v{n}" for n in range(1, 7)))
    deployed(book, "forgotten", Live(), live("v1"))
    assert kept(book, place) == ["v1", "v5", "v6"]


def test_what_a_release_that_is_being_made_uses_is_left_alone_for_a_day(
    book: Ledger, place: Workspace
) -> None:
    released(book, place, *(f"v{n}" for n in range(1, 7)))
    top = place.state / "artifacts" / "order"
    os.utime(top / "code-v1")  # used again, for a release that is not written yet
    (top / "code-fresh").mkdir()
    (top / "code-left").mkdir()
    os.utime(top / "code-left", (BEFORE - 90_000, BEFORE - 90_000))
    assert kept(book, place) == ["fresh", "v1", "v5", "v6"]


def test_images_go_with_the_code_that_nobody_needs() -> None:
    found = {"v1": {"order": "a"}, "v2": {"order": "b"}, "v3": {"order": "a"}, "v4": {"order": "c"}}
    known = [("order", version, f"image of {version}") for version in ("v1", "v2", "v4")]
    assert built.unneeded(found, known, {("order", "c")}) == {
        "image of v1": {"order"},
        "image of v2": {"order"},
    }
    assert built.unneeded(found, known, {("order", "a")}).keys() == {
        "image of v2",
        "image of v4",
    }
    shared = [("order", "v1", "same"), ("order", "v4", "same")]
    assert built.unneeded(found, shared, {("order", "c")}) == {}


def test_an_image_for_other_machines_is_named() -> None:
    assert built.foreign({"shop-order:v1": "amd64", "shop-catalog:v1": "amd64"}, "amd64") == ""
    words = "shop-order:v1 was built for arm64, and its engine is amd64"
    assert built.foreign({"shop-order:v1": "arm64", "shop-catalog:v1": "amd64"}, "amd64") == words
