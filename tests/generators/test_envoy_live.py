"""Routes and replicas change while requests run: none fails, and what took effect can be told."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from nexus_generators import envoy
from nexus_generators.envoy import CLUSTERS, ROUTES

from tests.generators.conftest import RunningGateway, Start, Upstream, eventually, platform_of, write

Begin = Callable[..., Upstream]

API: dict[str, Any] = {"name": "api", "routes": [{"path": "/api", "auth": "none"}]}
MORE: dict[str, Any] = {"name": "more", "routes": [{"path": "/more", "auth": "none"}]}


@contextlib.contextmanager
def load(gateway: RunningGateway, path: str, clients: int = 6) -> Iterator[Counter[Any]]:
    """Keep requests coming over kept connections, and count what they meet."""
    seen: Counter[Any] = Counter()
    enough = threading.Event()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.settings.http_port, timeout=10)
        while not enough.is_set():
            try:
                connection.request("POST", path, body=b"{}")
                answer = connection.getresponse()
                answer.read()
                seen[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                seen[repr(error)] += 1
                connection.close()
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join()


def test_no_request_fails_while_routes_and_replicas_change(start: Start, upstream: Begin) -> None:
    blue, green, other = upstream("blue"), upstream("green"), upstream("other")
    gateway = start(platform_of(API), {"api": [blue.endpoint]})

    with load(gateway, "/api") as seen:
        for _ in range(4):
            gateway.change(platform_of(API), {"api": [blue.endpoint, green.endpoint]})
            gateway.change(platform_of(API), {"api": [green.endpoint]})
            gateway.change(platform_of(API, MORE), {"api": [green.endpoint], "more": [other.endpoint]})
            assert gateway.call("/more").json["by"] == "other"
            gateway.change(platform_of(API), {"api": [blue.endpoint]})
            assert gateway.call("/more").status == 404

    assert set(seen) == {200}
    assert seen[200] > 100


def test_no_request_fails_while_a_path_moves_to_another_service(start: Start, upstream: Begin) -> None:
    old, new = upstream("old"), upstream("new")
    moved = {**MORE, "routes": API["routes"]}
    gateway = start(platform_of(API), {"api": [old.endpoint]})

    with load(gateway, "/api") as seen:
        for _ in range(4):
            gateway.change(platform_of(moved), {"more": [new.endpoint]})
            assert gateway.call("/api").json["by"] == "new"
            gateway.change(platform_of(API), {"api": [old.endpoint]})
            assert gateway.call("/api").json["by"] == "old"

    assert set(seen) == {200}


def test_a_change_is_effective_once_it_is_confirmed(start: Start, upstream: Begin) -> None:
    blue, green = upstream("blue"), upstream("green")
    gateway = start(platform_of(API), {"api": [blue.endpoint]})

    for turn in range(10):
        chosen = (green, blue)[turn % 2]
        gateway.change(platform_of(API), {"api": [chosen.endpoint]})
        assert gateway.call("/api").json["by"] == chosen.name


def test_the_last_services_can_leave_and_come_back(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(), {})

    gateway.change(platform_of(API, MORE), {"api": [api.endpoint], "more": [api.endpoint]})
    gateway.change(platform_of(API), {"api": [api.endpoint]})
    assert gateway.call("/api").status == 200
    gateway.change(platform_of(), {})
    assert gateway.call("/api").status == 404


def test_broken_files_leave_the_last_good_ones_and_are_noticed(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(API), {"api": [api.endpoint]})
    good = envoy.versions(gateway.files)

    write(gateway.folder, {CLUSTERS: '{"version_info": "broken', ROUTES: "{]"})
    eventually(lambda: gateway.stat("cluster_manager.cds.update_failure") > 0)
    eventually(lambda: gateway.stat("http.gateway.rds.platform.update_failure") > 0)
    assert gateway.versions() == good
    assert gateway.call("/api").status == 200

    gateway.change(platform_of(API, MORE), {"api": [api.endpoint], "more": [api.endpoint]})
    assert gateway.call("/more").status == 200


def test_a_route_to_an_unknown_cluster_is_rejected_and_noticed(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(API), {"api": [api.endpoint]})
    good = envoy.versions(gateway.files)

    early = envoy.routing(platform_of(MORE), {"more": [api.endpoint]}, gateway.settings)
    write(gateway.folder, {ROUTES: early[ROUTES]})
    eventually(lambda: gateway.stat("http.gateway.rds.platform.update_rejected") > 0)

    assert gateway.versions() == good
    assert gateway.call("/api").status == 200
