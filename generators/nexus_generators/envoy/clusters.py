"""Services as clusters: replicas, balancing, health, ejection, circuit breaker."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from operator import itemgetter

from nexus_cli.blueprint.model import Platform, Service
from nexus_generators.envoy.settings import Endpoint, GatewaySettings, Message, Side, Sides, seconds, typed

_BALANCE = {"round-robin": "ROUND_ROBIN", "least-request": "LEAST_REQUEST", "random": "RANDOM"}
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def clusters(platform: Platform, sides: Sides, settings: GatewaySettings) -> list[Message]:
    """Make a cluster for each side of the services that are called; without replicas it answers 503."""
    balance = _BALANCE[platform.spec.gateway.balance]
    made = [
        {**_cluster(service, side, settings), "lb_policy": balance}
        for name, service in platform.services.items()
        if service.routes or name in (settings.inside or ())
        for side in sides.get(name) or [Side(name)]
    ]
    return sorted(made, key=itemgetter("name"))  # the data plane takes no notice of another order


def _cluster(service: Service, side: Side, settings: GatewaySettings) -> Message:
    active = [replica for replica in side.endpoints if replica.weight > 0]
    return typed(
        "config.cluster.v3.Cluster",
        name=side.name,
        connect_timeout="1s",
        **_discovery(active),
        load_assignment={
            "cluster_name": side.name,
            "endpoints": [{"lb_endpoints": [_endpoint(r) for r in active]}],
        },
        common_lb_config={
            # By default traffic goes to all replicas, dead ones too, once half of them are down.
            "healthy_panic_threshold": {"value": 0},
            # By default what sends requests hears up to a second later what health checks have found.
            "update_merge_window": "0s",
        },
        health_checks=[_health_check(service, settings)],
        outlier_detection=_outliers(settings),
        circuit_breakers={"thresholds": [_thresholds(settings)]},
        typed_extension_protocol_options={_HTTP_OPTIONS: _http_options()},
    )


def _discovery(replicas: Sequence[Endpoint]) -> Message:
    if all(_is_address(replica.host) for replica in replicas):
        return {"type": "STATIC"}
    # A container that starts again has a new address under its old name.
    return {
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "0.5s",
        "dns_failure_refresh_rate": {"base_interval": "0.1s", "max_interval": "0.2s"},
        # The old address may be another container's by now: that it answers well keeps it in no cluster.
        "ignore_health_on_host_removal": True,
    }


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _endpoint(replica: Endpoint) -> Message:
    address = {"socket_address": {"address": replica.host, "port_value": replica.port}}
    return {"endpoint": {"address": address}, "load_balancing_weight": replica.weight}


def _health_check(service: Service, settings: GatewaySettings) -> Message:
    interval, fast = settings.check_interval, min(settings.check_interval, 0.5)
    soon = min(fast, 0.1)  # a starting service waits for the first good answer
    return {
        "http_health_check": {
            "path": service.health.live,
            "host": service.name,
            "expected_statuses": [{"start": 200, "end": 400}],
        },
        "timeout": "1s",
        "interval": seconds(interval),
        # By default a service without traffic is asked once a minute.
        "no_traffic_interval": seconds(interval),
        # Ask quickly when something changed: the second failure, and the way back.
        "unhealthy_edge_interval": seconds(fast),
        "unhealthy_interval": seconds(soon),
        "no_traffic_healthy_interval": seconds(fast),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }


def _outliers(settings: GatewaySettings) -> Message:
    """Ejection of a replica that cannot be reached or answers 502, 503, 504; it comes back by itself.

    Not for 500: one faulty endpoint of a service must not take the whole service away.
    """
    return {
        "interval": seconds(min(1.0, settings.ejection)),
        "base_ejection_time": seconds(settings.ejection),
        "max_ejection_time": seconds(settings.ejection * 12),
        "max_ejection_percent": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 100,
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 5,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        # A health endpoint that answers says nothing about the others: the ejection has to be sat out.
        "successful_active_health_check_uneject_host": False,
    }


def _thresholds(settings: GatewaySettings) -> Message:
    bound = settings.max_requests
    return {
        "max_connections": bound,
        "max_pending_requests": bound,
        "max_requests": bound,
        # Retries must not multiply the load on a service that is failing because of its load.
        "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 3},
        "track_remaining": True,
    }


def _http_options() -> Message:
    return {
        "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
        "explicit_http_config": {"http_protocol_options": {}},
        # Shorter than the 5 s after which uvicorn and Node close: else a request meets a closing connection.
        "common_http_protocol_options": {"idle_timeout": "4s"},
    }
