"""What serves in one environment as the next state of another; releases are made, and nothing runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.errors import UsageError
from nexus_cli.release.deploy import target
from nexus_cli.release.estate import Estate, estate
from nexus_cli.release.make import release_of
from nexus_cli.release.promote import promoted
from nexus_cli.release.record import Live
from nexus_cli.workspace import Workspace
from tests.conftest import service

PLACE = "nexus: v1\nkind: environment\nname: {}\ntarget: {{process: true}}\n{}"


@pytest.fixture
def place(workspace: Path, write) -> Workspace:
    """Two services, released as v1 and, each with new code, as v2; and a third that v2 brings."""
    (workspace / "nexus.yaml").write_text(
        'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'
    )
    write("staging", PLACE.format("staging", ""))
    write("production", PLACE.format("production", "replicas: {order: 3}\n"))
    found = Workspace(workspace)
    for version, names in {"v1": ("order", "catalog"), "v2": ("order", "catalog", "user")}.items():
        for port, name in enumerate(names, 8200):
            write(name, service(name, port, run="{serve: [python, server.py]}"))
            folder = workspace / "services" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "server.py").write_text(f"# {version}")
            (folder / "requirements.lock").write_text("")
        at = estate(found, "staging")
        release_of(found, load(workspace), at.ledger, lambda _: None, version=version)
    return found


def serve(at: Estate, live: Live) -> Live:
    at.ledger.append(at.name, "live", {"run": 0, "step": "", "live": live.as_dict()})
    return live


def told(live: Live) -> dict[str, tuple[str, int]]:
    """Of each service the release that serves and its replicas."""
    sides = {name: live.serving(name) for name in live.sides}
    return {name: (side.release, side.replicas) for name, side in sides.items() if side is not None}


def test_all_that_serves_goes_on_with_the_replicas_of_the_next(place: Workspace) -> None:
    staging, production = estate(place, "staging"), estate(place, "production")
    serve(staging, target(staging, staging.release("v2"), (), None))
    version, after = promoted(staging, production, (), None)
    assert (version, after.base, after.components) == ("v2", "v2", {"gateway": "v2"})
    assert told(after) == {"order": ("v2", 3), "catalog": ("v2", 1), "user": ("v2", 1)}


def test_services_of_several_releases_go_on_each_at_its_own(place: Workspace) -> None:
    staging, production = estate(place, "staging"), estate(place, "production")
    serve(staging, target(staging, staging.release("v1"), (), None))
    serve(staging, target(staging, staging.release("v2"), ("order",), None))
    version, after = promoted(staging, production, (), None)
    assert (version, after.base) == ("v1, v2", "v1")
    assert told(after) == {"order": ("v2", 3), "catalog": ("v1", 1)}
    assert after.revisions == {"order": 1, "catalog": 1}
    serve(production, after)
    assert promoted(staging, production, (), None)[1] == after  # nothing is left to do


def test_only_the_named_services_go_on(place: Workspace) -> None:
    staging, production = estate(place, "staging"), estate(place, "production")
    serve(production, target(production, production.release("v1"), (), None))
    serve(staging, target(staging, staging.release("v2"), (), None))
    version, after = promoted(staging, production, ("order",), None)
    assert version == "v2"
    assert told(after) == {"order": ("v2", 3), "catalog": ("v1", 1)}
    with pytest.raises(UsageError, match='no service "payment" serves in staging'):
        promoted(staging, production, ("payment",), None)


def test_what_no_longer_serves_in_the_first_goes_from_the_next(place: Workspace) -> None:
    staging, production = estate(place, "staging"), estate(place, "production")
    serve(production, target(production, production.release("v2"), (), None))
    serve(staging, target(staging, staging.release("v1"), (), None))
    assert set(promoted(staging, production, (), None)[1].sides) == {"order", "catalog"}


def test_nothing_is_taken_from_where_something_is_still_going_on(place: Workspace) -> None:
    staging, production = estate(place, "staging"), estate(place, "production")
    with pytest.raises(UsageError, match="nothing serves in staging"):
        promoted(staging, production, (), None)
    live = serve(staging, target(staging, staging.release("v1"), (), None))
    states = {"before": Live().as_dict(), "after": replace(live).as_dict()}
    staging.ledger.append("staging", "begun", {"action": "deploy", "version": "v1", **states})
    with pytest.raises(UsageError, match="staging is in the middle of deploy v1"):
        promoted(staging, production, (), None)
