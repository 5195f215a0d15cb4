"""What the gateway does when services fail: retries, breaker, ejection, health checks, balancing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nexus_generators.envoy import Endpoint

from tests.generators.conftest import Response, Start, Upstream, eventually, free_port, platform_of

Begin = Callable[..., Upstream]

NEVER = 3600.0  # a health check interval that leaves the first check the only one


def service(**route: Any) -> dict[str, Any]:
    return {"name": "api", "routes": [{"path": "/api", "auth": "none", **route}]}


class TestRetries:
    def test_a_service_that_fails_once_is_asked_again(self, start: Start, upstream: Begin) -> None:
        api = upstream("api")
        gateway = start(platform_of(service(retries=2)), {"api": [api.endpoint]})

        api.answers = [503, 502]
        assert gateway.call("/api").status == 200
        assert len(api.requests) == 3

    def test_what_is_not_idempotent_is_sent_once(self, start: Start, upstream: Begin) -> None:
        api = upstream("api")
        gateway = start(platform_of(service(retries=2)), {"api": [api.endpoint]})

        api.answers = [503]
        assert gateway.call("/api", "POST", body=b"{}").status == 503
        assert api.requests == ["POST /api"]

    def test_without_retries_an_answer_is_final(self, start: Start, upstream: Begin) -> None:
        api = upstream("api")
        gateway = start(platform_of(service()), {"api": [api.endpoint]})

        api.answers = [503]
        assert gateway.call("/api").status == 503
        assert api.requests == ["GET /api"]

    def test_a_client_cannot_ask_for_retries(self, start: Start, upstream: Begin) -> None:
        api = upstream("api")
        gateway = start(platform_of(service(retries=1)), {"api": [api.endpoint]})

        api.answers = [500]
        steering = {"x-envoy-retry-on": "5xx", "x-envoy-max-retries": "9"}
        assert gateway.call("/api", "POST", headers=steering).status == 500
        assert api.requests == ["POST /api"]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_what_no_replica_has_seen_goes_to_another(
        self, start: Start, upstream: Begin, method: str
    ) -> None:
        dying, living = upstream("dying"), upstream("living")
        replicas = {"api": [dying.endpoint, living.endpoint]}
        gateway = start(platform_of(service()), replicas, check_interval=NEVER, ejection=60)

        dying.close()
        assert {gateway.call("/api", method).json["by"] for _ in range(12)} == {"living"}


def test_too_many_requests_at_once_open_the_circuit_and_it_closes_again(
    start: Start, upstream: Begin
) -> None:
    api = upstream("api")
    gateway = start(platform_of(service()), {"api": [api.endpoint]}, max_requests=2)

    def dawdling(_: int) -> Response:
        return gateway.call("/api", headers={"slow": "0.5"})

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(dawdling, range(10)))

    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) >= 6
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert Counter(answer.status for answer in answers)[200] >= 2
    assert gateway.call("/api").status == 200


def test_a_failing_replica_is_ejected_and_comes_back(start: Start, upstream: Begin) -> None:
    bad, good = upstream("bad"), upstream("good")
    replicas = {"api": [bad.endpoint, good.endpoint]}
    gateway = start(platform_of(service(), balance="round-robin"), replicas)

    bad.always = 503
    eventually(
        lambda: gateway.call("/api") and gateway.stat("cluster.api.outlier_detection.ejections_active") == 1
    )
    assert {gateway.call("/api").json["by"] for _ in range(10)} == {"good"}

    bad.always = None
    eventually(lambda: gateway.call("/api").json["by"] == "bad")


def test_the_only_replica_is_ejected_too_and_comes_back(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(service()), {"api": [api.endpoint]})

    api.always = 503
    eventually(lambda: gateway.call("/api").headers["content-type"] == "application/problem+json")
    seen = len(api.requests)
    assert gateway.call("/api").status == 503
    assert len(api.requests) == seen

    api.always = None
    eventually(lambda: gateway.call("/api").status == 200)


def test_an_endpoint_that_answers_500_does_not_take_its_service_away(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(service()), {"api": [api.endpoint]})

    api.always = 500
    assert {gateway.call("/api").json["by"] for _ in range(20)} == {"api"}


def test_health_checks_take_a_sick_replica_out_and_bring_it_back(start: Start, upstream: Begin) -> None:
    sick, well = upstream("sick"), upstream("well")
    gateway = start(platform_of(service(), balance="round-robin"), {"api": [sick.endpoint, well.endpoint]})
    assert {gateway.call("/api").json["by"] for _ in range(10)} == {"sick", "well"}

    sick.healthy = False
    eventually(lambda: gateway.stat("cluster.api.membership_healthy") == 1)
    assert {gateway.call("/api").json["by"] for _ in range(10)} == {"well"}

    sick.healthy = True
    eventually(lambda: gateway.call("/api").json["by"] == "sick")


def test_what_counts_as_healthy_gets_requests_at_once(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(service()), {"api": [api.endpoint]})
    for healthy, status in ((False, 503), (True, 200)):
        api.healthy = healthy
        eventually(lambda: gateway.stat("cluster.api.membership_healthy") == int(api.healthy))
        assert gateway.call("/api").status == status


def test_a_dead_replica_does_not_keep_the_gateway_from_starting(start: Start, upstream: Begin) -> None:
    well = upstream("well")
    gateway = start(platform_of(service()), {"api": [Endpoint("127.0.0.1", free_port()), well.endpoint]})

    assert {gateway.call("/api").json["by"] for _ in range(10)} == {"well"}


def test_replicas_share_by_weight(start: Start, upstream: Begin) -> None:
    light, heavy = upstream("light"), upstream("heavy")
    weighted = [light.endpoint, Endpoint("127.0.0.1", heavy.port, weight=3)]
    gateway = start(platform_of(service(), balance="round-robin"), {"api": weighted})

    answers = Counter(gateway.call("/api").json["by"] for _ in range(80))
    assert 15 <= answers["light"] <= 25


def test_a_name_is_looked_up(start: Start, upstream: Begin) -> None:
    api = upstream("api")
    gateway = start(platform_of(service()), {"api": [Endpoint("localhost", api.port)]})

    eventually(lambda: gateway.call("/api").status == 200)


def test_a_busy_replica_gets_less(start: Start, upstream: Begin) -> None:
    busy, idle = upstream("busy"), upstream("idle")
    gateway = start(platform_of(service(), balance="least-request"), {"api": [busy.endpoint, idle.endpoint]})
    enough = threading.Event()

    def occupy() -> None:
        while not enough.is_set():
            gateway.call("/api", headers={"slow": "0.1"})

    with ThreadPoolExecutor(8) as pool:
        for _ in range(6):
            pool.submit(occupy)
        answers = Counter(gateway.call("/api", headers={"slow": "0.01"}).json["by"] for _ in range(30))
        enough.set()
    assert min(answers.values()) >= 5
