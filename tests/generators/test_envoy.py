"""What the gateway generator writes, compared as text and by Envoy's own validation."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nexus_generators import envoy
from nexus_generators.envoy import CLUSTERS, ROUTES, Endpoint, Files, GatewaySettings

from tests.generators.conftest import platform_of, write

GOLDEN = Path(__file__).parents[1] / "golden" / "envoy"
SETTINGS = GatewaySettings(http_port=3000, admin_port=9901, folder="/srv/gateway", jwks='{"keys": []}')
SHOP: tuple[dict[str, Any], ...] = (
    {
        "name": "catalog",
        "routes": [
            {"path": "/api/v1/products", "auth": "none", "methods": ["GET"], "limit": "100/s"},
            {"path": "/api/v1/products", "version": "2", "auth": "none", "rewrite": "/v2/products"},
        ],
    },
    {
        "name": "orders",
        "routes": [
            {"path": "/api/v1/orders", "timeout": "5s", "retries": 2},
            {"path": "/api/v1/refunds", "roles": ["staff", "admin"]},
        ],
        "health": {"live": "/live"},
    },
    {"name": "worker"},
)
REPLICAS = {
    "catalog": [Endpoint("127.0.0.1", 4001), Endpoint("127.0.0.1", 4002, weight=3)],
    "orders": [Endpoint("orders", 8000)],
}


def shop() -> Files:
    return {
        **envoy.bootstrap(SETTINGS),
        **envoy.routing(platform_of(*SHOP, cors=["https://shop.example"]), REPLICAS, SETTINGS),
    }


def routes(*services: dict[str, Any], **gateway: Any) -> list[dict[str, Any]]:
    content = envoy.routing(platform_of(*services, **gateway), {}, SETTINGS)[ROUTES]
    found: list[dict[str, Any]] = json.loads(content)["resources"][0]["virtual_hosts"][0]["routes"]
    return found


@pytest.mark.parametrize("path", ["envoy.json", CLUSTERS, ROUTES])
def test_the_shop_is_written_as_ever(path: str) -> None:
    assert json.loads(shop()[path]) == json.loads((GOLDEN / path).read_text())


def test_the_same_platform_gives_the_same_bytes_in_any_order() -> None:
    turned = platform_of(*reversed(SHOP), cors=["https://shop.example"])

    assert envoy.routing(turned, dict(reversed(REPLICAS.items())), SETTINGS) == {
        path: content for path, content in shop().items() if path in {CLUSTERS, ROUTES}
    }


def test_a_version_changes_with_its_own_file_only() -> None:
    before = envoy.versions(shop())
    after = envoy.versions(envoy.routing(platform_of(*SHOP, cors=["https://shop.example"]), {}, SETTINGS))

    assert after.clusters != before.clusters
    assert after.routes == before.routes


def test_longer_paths_and_more_conditions_come_first() -> None:
    written = routes(
        {"name": "all", "routes": [{"path": "/"}, {"path": "/api"}]},
        {"name": "some", "routes": [{"path": "/api/v1"}, {"path": "/api", "version": "2"}]},
    )

    assert [route["name"] for route in written] == [
        "gateway health",
        "some /api/v1",
        "some /api",
        "all /api",
        "all /",
    ]


@pytest.mark.parametrize(
    ("rate", "bucket", "retry_after"),
    [
        ("100/s", (100, "1s"), "1"),
        ("30/m", (30, "60s"), "2"),
        ("90/m", (90, "60s"), "1"),
        ("5/h", (5, "3600s"), "720"),
    ],
)
def test_a_rate_becomes_a_bucket_of_its_number(rate: str, bucket: tuple[int, str], retry_after: str) -> None:
    limit = routes({"name": "a", "routes": [{"path": "/a", "auth": "none", "limit": rate}]})[1]
    configured = limit["typed_per_filter_config"]["envoy.filters.http.local_ratelimit"]

    assert (configured["token_bucket"]["max_tokens"], configured["token_bucket"]["fill_interval"]) == bucket
    assert configured["response_headers_to_add"][0]["header"]["value"] == retry_after


def test_services_without_routes_have_no_cluster() -> None:
    names = [cluster["name"] for cluster in json.loads(shop()[CLUSTERS])["resources"]]

    assert names == ["catalog", "orders"]


def test_a_replica_of_weight_zero_is_left_out() -> None:
    files = envoy.routing(
        platform_of(*SHOP), {"orders": [Endpoint("127.0.0.1", 1, 0), Endpoint("127.0.0.1", 2)]}, SETTINGS
    )
    orders = json.loads(files[CLUSTERS])["resources"][1]

    assert len(orders["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 1


def test_transport_security_is_demanded_only_behind_tls() -> None:
    behind = GatewaySettings(http_port=1, admin_port=2, folder="/x", public_https=True)

    assert "strict-transport-security" in envoy.bootstrap(behind)["envoy.json"]
    assert "strict-transport-security" not in envoy.bootstrap(SETTINGS)["envoy.json"]


class TestTransition:
    def test_new_clusters_come_first_and_old_ones_leave_last(self) -> None:
        old = envoy.routing(platform_of({"name": "old", "routes": [{"path": "/"}]}), {}, SETTINGS)
        new = envoy.routing(platform_of({"name": "new", "routes": [{"path": "/"}]}), {}, SETTINGS)

        steps = envoy.transition(old, new)

        assert [list(step) for step in steps] == [[CLUSTERS], [ROUTES], [CLUSTERS]]
        assert {c["name"] for c in json.loads(steps[0][CLUSTERS])["resources"]} == {"old", "new"}
        assert steps[2][CLUSTERS] == new[CLUSTERS]

    def test_other_replicas_need_one_step_and_nothing_new_none(self) -> None:
        platform = platform_of(*SHOP)
        old = envoy.routing(platform, {}, SETTINGS)

        assert [
            list(step) for step in envoy.transition(old, envoy.routing(platform, REPLICAS, SETTINGS))
        ] == [[CLUSTERS]]
        assert envoy.transition(old, old) == ()

    def test_from_nothing_clusters_come_before_routes(self) -> None:
        new = envoy.routing(platform_of(*SHOP), {}, SETTINGS)

        assert [list(step) for step in envoy.transition({}, new)] == [[CLUSTERS], [ROUTES]]


def test_envoy_accepts_what_is_written(envoy_binary: Path, tmp_path: Path) -> None:
    settings = GatewaySettings(http_port=3000, admin_port=9901, folder=str(tmp_path))
    write(tmp_path, {**envoy.bootstrap(settings), **envoy.routing(platform_of(*SHOP), REPLICAS, settings)})

    checked = subprocess.run(
        [*envoy.command(str(tmp_path), str(envoy_binary)), "--mode", "validate"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "OK" in checked.stdout
