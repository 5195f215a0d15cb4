"""What callers and services see through the gateway: routes, tokens, limits, headers, errors, log."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nexus_generators.envoy import READY

from nexus_cli.tokens import DevelopmentKeys
from tests.generators.conftest import (
    Response,
    RunningGateway,
    Start,
    Upstream,
    eventually,
    gateways,
    platform_of,
)

ISSUER = "https://id.shop.example"
ORIGIN = "https://shop.example"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOSTILE = '/x"},{"y":\'é<b>{{}}%REQ(authorization)%'

ORDERS: dict[str, Any] = {
    "name": "orders",
    "routes": [
        {"path": "/api/v1/orders", "auth": "none"},
        {"path": "/api/v1/orders/private"},
        {"path": "/api/v1/orders/audit", "roles": ["auditor", "staff"]},
        {"path": "/api/v1/refunds", "methods": ["GET"]},
        {"path": "/api/v1/refunds", "methods": ["POST"], "roles": ["staff"]},
        {"path": "/api/v1/products", "auth": "none", "rewrite": "/items"},
        {"path": "/stripped", "auth": "none", "rewrite": "/"},
        {"path": "/versioned", "auth": "none", "version": "1"},
        {"path": "/read", "auth": "none", "methods": ["GET"]},
        {"path": "/limited", "auth": "none", "limit": "3/m"},
        {"path": "/quick", "auth": "none", "timeout": "300ms"},
        {"path": HOSTILE, "auth": "none"},
        {"path": "/a?b#c", "auth": "none"},
    ],
}
CATALOG: dict[str, Any] = {
    "name": "catalog",
    "routes": [{"path": "/versioned", "auth": "none", "version": "2"}, {"path": "/api/v1", "auth": "none"}],
}
EMPTY: dict[str, Any] = {"name": "empty", "routes": [{"path": "/empty", "auth": "none"}]}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentKeys:
    return DevelopmentKeys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def shop(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory, keys: DevelopmentKeys
) -> Iterator[RunningGateway]:
    """Run one gateway for all tests of this module."""
    platform = platform_of(
        ORDERS,
        CATALOG,
        EMPTY,
        cors=[ORIGIN, "https://*.preview.example"],
        jwt={"issuer": ISSUER, "audience": "shop"},
        max_body="64Ki",
    )
    orders, catalog = Upstream("orders"), Upstream("catalog")
    with gateways(envoy_binary, tmp_path_factory.mktemp("shop")) as begin:
        yield begin(
            platform,
            {"orders": [orders.endpoint], "catalog": [catalog.endpoint]},
            jwks=keys.public_jwks(),
            headers_timeout=0.5,
        )
    orders.close()
    catalog.close()


def assert_problem(response: Response, status: int, **members: str) -> None:
    assert response.status == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json["status"] == status
    assert response.json["type"] == "about:blank"
    assert response.json["title"]
    assert {name: response.json[name] for name in members} == members
    assert response.headers["x-content-type-options"] == "nosniff"


class TestRouting:
    @pytest.mark.parametrize(
        ("path", "service"),
        [
            ("/api/v1/orders", "orders"),
            ("/api/v1/orders/7?x=1", "orders"),
            ("/api/v1/orders-x", "catalog"),
            ("/api/v1/other", "catalog"),
            ("/api//v1/../v1/orders", "orders"),
        ],
    )
    def test_the_longest_prefix_of_whole_segments_wins(
        self, shop: RunningGateway, path: str, service: str
    ) -> None:
        assert shop.call(path).json["by"] == service

    @pytest.mark.parametrize(("version", "service"), [("1", "orders"), ("2", "catalog")])
    def test_the_version_header_chooses(self, shop: RunningGateway, version: str, service: str) -> None:
        assert shop.call("/versioned", headers={"x-api-version": version}).json["by"] == service

    @pytest.mark.parametrize("headers", [{}, {"x-api-version": "3"}])
    def test_an_unknown_version_is_not_found(self, shop: RunningGateway, headers: dict[str, str]) -> None:
        assert_problem(shop.call("/versioned", headers=headers), 404)

    @pytest.mark.parametrize(
        ("path", "seen"),
        [
            ("/api/v1/products/7", "/items/7"),
            ("/api/v1/products", "/items"),
            ("/stripped/a/b", "/a/b"),
            ("/stripped", "/"),
            ("/stripped/", "/"),
        ],
    )
    def test_the_prefix_is_rewritten(self, shop: RunningGateway, path: str, seen: str) -> None:
        assert shop.call(path).json["path"] == seen

    def test_other_methods_are_refused(self, shop: RunningGateway) -> None:
        assert shop.call("/read").json["by"] == "orders"
        refused = shop.call("/read", "POST")
        assert_problem(refused, 405)
        assert refused.headers["allow"] == "GET"

    def test_what_a_path_refuses_no_shorter_path_takes(self, shop: RunningGateway) -> None:
        refused = shop.call("/api/v1/refunds", "PATCH")  # /api/v1 is open to everybody

        assert_problem(refused, 405)
        assert refused.headers["allow"] == "GET, POST"
        assert shop.call("/api/v1/others", "PATCH").json["by"] == "catalog"

    @pytest.mark.parametrize(
        "path", ["/x%22%7D,%7B%22y%22:'%C3%A9%3Cb%3E%7B%7B%7D%7D%REQ(authorization)%", "/a%3Fb%23c"]
    )
    def test_hostile_paths_mean_themselves(self, shop: RunningGateway, path: str) -> None:
        assert shop.call(path).json["by"] == "orders"

    def test_the_gateway_answers_for_itself(self, shop: RunningGateway) -> None:
        assert shop.call("/health").json == {"status": "ok"}
        assert shop.call(READY).status == 200

    def test_a_draining_gateway_is_not_ready_but_serves(self, start: Start) -> None:
        gateway = start(platform_of())
        gateway.admin("/healthcheck/fail", "POST")

        eventually(lambda: gateway.call(READY).status == 503)
        assert_problem(gateway.call(READY), 503)
        assert gateway.call("/health").status == 200

    def test_neighbours_may_look_at_a_gateway_and_do_nothing_to_it(self, start: Start) -> None:
        gateway = start(platform_of(), admin_address="0.0.0.0")
        assert gateway.admin("/ready").status == 200
        assert gateway.admin("/stats?format=json&filter=^http.gateway").json["stats"]
        for path, method in (("/healthcheck/fail", "POST"), ("/quitquitquit", "POST"), ("/ready", "POST")):
            assert gateway.admin(path, method).status == 404
        assert gateway.admin("/listeners").status == 404
        assert gateway.admin("/ready").status == 200

    def test_upgraded_connections_outlive_the_timeout(self, shop: RunningGateway) -> None:
        with socket.create_connection(("127.0.0.1", shop.settings.http_port), timeout=5) as client:
            client.sendall(
                b"GET /quick HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
            )
            assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
            for _ in range(6):
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
                threading.Event().wait(0.1)


class TestTokens:
    PATH = "/api/v1/orders/private"

    def ask(self, shop: RunningGateway, token: str, **headers: str) -> Response:
        return shop.call(self.PATH, headers={"authorization": f"Bearer {token}", **headers})

    def test_a_valid_token_passes_and_its_claims_arrive(
        self, shop: RunningGateway, keys: DevelopmentKeys
    ) -> None:
        token = keys.token(
            "ann", issuer=ISSUER, audience="shop", claims={"tenant": "t1", "roles": ["admin", "buyer"]}
        )
        seen = self.ask(shop, token).json["headers"]

        assert (seen["x-user-id"], seen["x-tenant-id"]) == ("ann", "t1")
        assert seen["x-user-roles"] == '["admin","buyer"]'
        assert seen["authorization"] == f"Bearer {token}"

    def test_claims_cannot_be_forged(self, shop: RunningGateway, keys: DevelopmentKeys) -> None:
        forged = {"x-user-id": "root", "x-tenant-id": "all", "X-User-Roles": "admin", "x_user_id": "root"}
        token = keys.token("ann", issuer=ISSUER, audience="shop")

        known = self.ask(shop, token, **forged).json["headers"]
        unknown = shop.call("/api/v1/orders", headers=forged).json["headers"]

        assert {
            name: known.get(name) for name in ("x-user-id", "x-tenant-id", "x-user-roles", "x_user_id")
        } == {
            "x-user-id": "ann",
            "x-tenant-id": None,
            "x-user-roles": None,
            "x_user_id": None,
        }
        assert not {"x-user-id", "x-tenant-id", "x-user-roles", "x_user_id"} & unknown.keys()

    def test_without_a_token_nobody_passes(self, shop: RunningGateway, keys: DevelopmentKeys) -> None:
        token = keys.token("ann", issuer=ISSUER, audience="shop")

        assert_problem(shop.call(self.PATH), 401, detail="Jwt is missing", instance=self.PATH)
        assert_problem(shop.call(f"{self.PATH}?access_token={token}"), 401, instance=self.PATH)
        assert "www-authenticate" in shop.call(self.PATH).headers

    def test_bad_tokens_are_refused(
        self, shop: RunningGateway, keys: DevelopmentKeys, tmp_path: Path
    ) -> None:
        stranger = DevelopmentKeys(tmp_path)
        good = keys.token("ann", issuer=ISSUER, audience="shop")

        assert_problem(self.ask(shop, keys.token("a", issuer=ISSUER, audience="shop", lifetime=-120)), 401)
        assert_problem(self.ask(shop, keys.token("a", issuer="https://evil.example", audience="shop")), 401)
        assert_problem(self.ask(shop, stranger.token("a", issuer=ISSUER, audience="shop")), 401)
        assert_problem(self.ask(shop, good[:-6] + "AAAAAA"), 401)
        assert_problem(self.ask(shop, "rubbish"), 401)
        assert_problem(self.ask(shop, keys.token("a", issuer=ISSUER, audience="bank")), 403)
        assert_problem(self.ask(shop, keys.token("a", issuer=ISSUER)), 403)

    @pytest.mark.parametrize(
        ("roles", "status"),
        [
            (["auditor"], 200),
            (["guest", "staff"], 200),
            (["guest", "admin"], 403),
            (["staff2", "Staff", "staf"], 403),
            ([], 403),
            (None, 403),
            ("staff", 403),  # a list is what the claim is said to be
            ({"staff": True}, 403),
        ],
    )
    def test_only_who_has_a_role_passes(
        self, shop: RunningGateway, keys: DevelopmentKeys, roles: Any, status: int
    ) -> None:
        claims = {} if roles is None else {"roles": roles}
        token = keys.token("ann", issuer=ISSUER, audience="shop", claims=claims)
        headers = {"authorization": f"Bearer {token}", "x-user-roles": '["staff"]'}
        answer = shop.call("/api/v1/orders/audit/7", headers=headers)
        if status == 200:
            assert answer.status == 200
        else:
            assert_problem(answer, 403, detail="RBAC: access denied")

    def test_a_role_may_be_asked_for_by_method(self, shop: RunningGateway, keys: DevelopmentKeys) -> None:
        headers = {"authorization": "Bearer " + keys.token("ann", issuer=ISSUER, audience="shop")}
        assert shop.call("/api/v1/refunds", headers=headers).status == 200
        assert_problem(shop.call("/api/v1/refunds", "POST", headers=headers), 403)
        assert_problem(shop.call("/api/v1/refunds", "POST"), 401)

    def test_without_keys_a_route_that_wants_a_token_is_closed(
        self, start: Start, keys: DevelopmentKeys
    ) -> None:
        gateway = start(
            platform_of({"name": "a", "routes": [{"path": "/closed"}, {"path": "/open", "auth": "none"}]})
        )
        token = {"authorization": "Bearer " + keys.token("ann", issuer="nexus-development")}

        assert_problem(gateway.call("/closed", headers=token), 403)
        assert_problem(gateway.call("/open"), 503)


class TestBounds:
    def test_a_used_up_limit_says_when_to_come_back(self, shop: RunningGateway) -> None:
        answers = [shop.call("/limited") for _ in range(4)]

        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert_problem(answers[-1], 429)
        assert answers[-1].headers["retry-after"] == "20"
        assert answers[0].headers["x-ratelimit-limit"] == "3"
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert shop.call("/api/v1/orders").status == 200

    def test_a_slow_service_is_cut_off(self, shop: RunningGateway) -> None:
        assert_problem(shop.call("/quick", headers={"slow": "0.8"}), 504)

    def test_bodies_are_bounded_chunked_or_not(self, shop: RunningGateway) -> None:
        fits, chunk = b"x" * (64 << 10), b"x" * 8192

        assert shop.call("/api/v1/orders", "POST", body=fits).json["size"] == len(fits)
        assert shop.call("/api/v1/orders", "POST", body=iter([chunk] * 4)).json["size"] == 4 * len(chunk)
        assert_problem(shop.call("/api/v1/orders", "POST", body=fits + b"x"), 413)
        assert_problem(shop.call("/api/v1/orders", "POST", body=iter([chunk] * 9)), 413)

    @pytest.mark.parametrize("headers", [{"big": "x" * 40_000}, {f"h{i}": "x" for i in range(150)}])
    def test_headers_are_bounded(self, shop: RunningGateway, headers: dict[str, str]) -> None:
        assert_problem(shop.call("/api/v1/orders", headers=headers), 431)

    def test_escaped_slashes_are_refused(self, shop: RunningGateway) -> None:
        assert_problem(shop.call("/api/v1/orders%2Fprivate"), 400)

    def test_headers_that_drip_are_cut_off(self, shop: RunningGateway) -> None:
        with socket.create_connection(("127.0.0.1", shop.settings.http_port), timeout=5) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nhost: shop\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 408 ")

    def test_connections_are_capped_but_not_the_operators(self, start: Start) -> None:
        gateway = start(platform_of(), max_connections=2)
        # The connection of the last readiness question may not be gone yet.
        eventually(lambda: gateway.stat("http.gateway.downstream_cx_active") == 0)
        held = [
            http.client.HTTPConnection("127.0.0.1", gateway.settings.http_port, timeout=5) for _ in range(2)
        ]
        for connection in held:
            connection.request("GET", "/health")
            connection.getresponse().read()

        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            gateway.call("/health")
        assert gateway.admin("/ready").status == 200
        for connection in held:
            connection.close()
        eventually(lambda: gateway.stat("http.gateway.downstream_cx_active") == 0)
        assert gateway.call("/health").status == 200

    def test_a_route_without_replicas_is_unavailable(self, shop: RunningGateway) -> None:
        assert_problem(shop.call("/empty"), 503, title="Service Unavailable")

    def test_an_empty_platform_knows_only_itself(self, start: Start) -> None:
        gateway = start(platform_of())

        assert_problem(gateway.call("/api/v1/orders"), 404, instance="/api/v1/orders")
        assert gateway.call("/health").status == 200


class TestHeaders:
    @pytest.mark.parametrize("path", ["/api/v1/orders", "/nowhere", "/api/v1/orders/private", "/health"])
    def test_every_answer_is_hardened(self, shop: RunningGateway, path: str) -> None:
        headers = shop.call(path).headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
        assert not [
            name for name in headers if name in {"server", "x-powered-by"} or name.startswith("x-envoy-")
        ]

    def test_a_service_may_say_otherwise(self, shop: RunningGateway) -> None:
        answer = shop.call("/api/v1/orders", headers={"frame": "SAMEORIGIN"})

        assert answer.headers["x-frame-options"] == "SAMEORIGIN"

    def test_a_correlation_id_goes_both_ways_and_into_the_log(self, shop: RunningGateway) -> None:
        sent = {"x-correlation-id": "order-4711.a", "traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}
        answer = shop.call("/api/v1/orders/9?token=hidden", headers={**sent, "user-agent": "test/1"})
        line = shop.logged(correlation_id="order-4711.a")

        assert answer.headers["x-correlation-id"] == "order-4711.a"
        assert {name: answer.json["headers"][name] for name in sent} == sent
        assert (
            line.items()
            >= {
                "method": "GET",
                "path": "/api/v1/orders/9",
                "status": 200,
                "upstream": "orders",
                "traceparent": sent["traceparent"],
                "user_agent": "test/1",
                "bytes_sent": len(answer.body),
            }.items()
        )
        assert isinstance(line["duration_ms"], int)
        assert not any("hidden" in str(entry) for entry in shop.access_log())

    @pytest.mark.parametrize("sent", [None, "", "short", "bad id with blanks", 'x"}\\{"admin":"1', "x" * 129])
    def test_a_missing_or_unsafe_correlation_id_is_replaced(
        self, shop: RunningGateway, sent: str | None
    ) -> None:
        answer = shop.call("/api/v1/orders", headers={} if sent is None else {"x-correlation-id": sent})
        made = answer.headers["x-correlation-id"]

        assert UUID.fullmatch(made)
        assert answer.json["headers"]["x-correlation-id"] == made

    def test_errors_carry_the_correlation_id(self, shop: RunningGateway) -> None:
        answer = shop.call("/nowhere?secret=1", headers={"x-correlation-id": "lost-0001"})

        assert_problem(answer, 404, correlation_id="lost-0001", instance="/nowhere")
        assert answer.headers["x-correlation-id"] == "lost-0001"
        assert shop.logged(correlation_id="lost-0001")["flags"] == "NR"

    def test_clients_cannot_steer_the_gateway(self, shop: RunningGateway) -> None:
        steering = {"x-envoy-upstream-rq-timeout-ms": "60000", "x-forwarded-host": "evil.example"}

        assert_problem(shop.call("/quick", headers={"slow": "0.8", **steering}), 504)
        assert "x-forwarded-host" not in shop.call("/api/v1/orders", headers=steering).json["headers"]


class TestCors:
    def preflight(self, shop: RunningGateway, path: str, origin: str) -> Response:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        return shop.call(path, "OPTIONS", headers=asked)

    @pytest.mark.parametrize("path", ["/api/v1/orders", TestTokens.PATH, "/read"])
    @pytest.mark.parametrize("origin", [ORIGIN, "https://pr-7.preview.example"])
    def test_preflights_are_answered_without_a_token(
        self, shop: RunningGateway, path: str, origin: str
    ) -> None:
        answer = self.preflight(shop, path, origin)

        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "https://shop.example.evil.example", "https://a.b.preview.example"]
    )
    def test_other_origins_are_not_let_in(self, shop: RunningGateway, origin: str) -> None:
        assert "access-control-allow-origin" not in self.preflight(shop, "/api/v1/orders", origin).headers

    def test_a_browser_may_read_errors_too(self, shop: RunningGateway) -> None:
        answer = shop.call(TestTokens.PATH, headers={"origin": ORIGIN})

        assert_problem(answer, 401)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "x-correlation-id" in answer.headers["access-control-expose-headers"]

    def test_any_origin_excludes_credentials(self, start: Start) -> None:
        gateway = start(platform_of(ORDERS, cors=["*"]))
        answer = self.preflight(gateway, "/api/v1/orders", "https://anyone.example")

        assert answer.headers["access-control-allow-origin"] in {"*", "https://anyone.example"}
        assert "access-control-allow-credentials" not in answer.headers
