"""Releases of a service beside each other: shares of its requests, from outside and from inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nexus_generators import envoy
from nexus_generators.envoy import Side

from tests.generators.conftest import (
    RunningGateway,
    Start,
    Upstream,
    call,
    eventually,
    free_port,
    platform_of,
    write,
)

SHOP = {"name": "api", "routes": [{"path": "/api", "auth": "none"}]}
OLD, NEW = "api.r1", "api.r2"


def lead(gateway: RunningGateway, *sides: Side) -> None:
    """Change the shares of the service step by step, each confirmed."""
    new = envoy.split({"api": sides}, platform_of(SHOP), gateway.settings)
    state = dict(gateway.files)
    for step in envoy.transition(gateway.files, new):
        write(gateway.folder, step)
        state.update(step)
        gateway.confirm(envoy.versions(state))
    gateway.files = new


def test_sides_share_what_comes_from_outside_and_from_inside(
    start: Start, upstream: Callable[..., Upstream]
) -> None:
    old, new = upstream("old"), upstream("new")
    inside = free_port()
    gateway = start(platform_of(SHOP), {}, inside={"api": inside})
    lead(gateway, Side(OLD, [old.endpoint]), Side(NEW, [new.endpoint], 0))
    eventually(lambda: gateway.call("/api").status == 200)
    assert {gateway.call("/api").json["by"] for _ in range(10)} == {"old"}
    stranger = call(inside, "/any", headers={"x-nexus-service": "other"}).json
    assert (stranger["by"], stranger["path"]) == ("old", "/any")
    assert "x-nexus-service" not in stranger["headers"]

    lead(gateway, Side(NEW, [new.endpoint], 75), Side(OLD, [old.endpoint], 25))
    for ask in (lambda: gateway.call("/api"), lambda: call(inside, "/any")):
        shares = Counter(ask().json["by"] for _ in range(200))
        assert 110 < shares["new"] < 190, shares

    lead(gateway, Side(NEW, [new.endpoint], 100))
    assert {call(inside, "/any").json["by"] for _ in range(10)} == {"new"}
    assert gateway.stat("cluster_manager.active_clusters") == 1


def test_what_was_counted_of_each_side(start: Start, upstream: Callable[..., Upstream]) -> None:
    old, new = upstream("old"), upstream("new")
    gateway = start(platform_of(SHOP), {}, inside={})
    lead(gateway, Side(OLD, [old.endpoint]), Side(NEW, [new.endpoint], 0))
    eventually(lambda: gateway.call("/api").status == 200)

    def counted(side: str) -> envoy.Counted:
        return envoy.counted(gateway.admin(envoy.stats_path(OLD, NEW)).json, side)

    before = counted(NEW)
    lead(gateway, Side(OLD, [old.endpoint], 0), Side(NEW, [new.endpoint], 100))
    new.answers = [500, 200, 503]
    for _ in range(8):
        gateway.call("/api", "POST", headers={"slow": "0.06"})
    eventually(lambda: sum(counted(NEW).since(before).times.values()) == 8)
    found = counted(NEW).since(before)
    assert (found.requests, found.errors, found.active, found.failing) == (8, 2, 0, 25.0)
    assert found.p95 is not None
    assert 55 < found.p95 < 200
    assert counted("api.r9") == envoy.Counted()
