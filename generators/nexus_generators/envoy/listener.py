"""The static part of the gateway: listener, filter chain, admin interface, bounds."""

from __future__ import annotations

import json
import posixpath

from nexus_generators.envoy.admin import READS, reads, reads_cluster
from nexus_generators.envoy.headers import (
    CLAIMS,
    CORRELATION,
    TOKEN_CHECK,
    correlation,
    edge,
    identity,
    retry_idempotent,
)
from nexus_generators.envoy.problems import local_replies
from nexus_generators.envoy.settings import (
    OVERWRITE,
    Files,
    GatewaySettings,
    Message,
    extension,
    seconds,
    typed,
)

BOOTSTRAP = "envoy.json"
CLUSTERS = "cds/clusters.json"
ROUTES = "rds/routes.json"
INSIDE_ROUTES = "ids/routes.json"
LISTENERS = "lds/listeners.json"
ROUTE_CONFIGURATION = "platform"
INSIDE_CONFIGURATION = "inside"
TARGET = "x-nexus-service"
"""The header by which a request to a service's own port is led; whoever sends it is not believed."""

TOKEN_REQUIREMENT = "platform"  # noqa: S105 - a name, not a secret
ROLE_CHECK = "envoy.filters.http.rbac"
READY = "/health/ready"
STREAM_IDLE = 300.0
_LOOPBACK = "127.0.0.1"

_ACCESS_LOG = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ)%",  # never the query: it may hold secrets
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "duration_ms": "%DURATION%",
    "route": "%ROUTE_NAME%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "upstream_host": "%UPSTREAM_HOST%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "correlation_id": f"%REQ({CORRELATION})%",
    "traceparent": "%REQ(TRACEPARENT)%",
    "user_agent": "%REQ(USER-AGENT):200%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "flags": "%RESPONSE_FLAGS%",
    "reason": "%RESPONSE_CODE_DETAILS%",
}


def bootstrap(settings: GatewaySettings) -> Files:
    """Everything that only a restart changes; clusters and routes are read from files and followed."""
    shared = settings.admin_address != _LOOPBACK
    configuration = {
        "node": {"id": "gateway", "cluster": "nexus"},
        "admin": {
            "address": {"pipe": {"path": READS.format(port=settings.admin_port)}}
            if shared
            else _address(settings.admin_address, settings.admin_port),
            # Who looks for the cause of too many connections must still get in.
            "ignore_global_conn_limit": True,
        },
        "dynamic_resources": {
            "cds_config": _followed(settings, CLUSTERS),
            **({"lds_config": _followed(settings, LISTENERS)} if settings.inside is not None else {}),
        },
        # Who compares two releases wants what happened until now, not until five seconds ago.
        **({"stats_flush_interval": "0.500s"} if settings.inside is not None else {}),
        "static_resources": {
            "listeners": [_listener(settings), *([reads(settings)] if shared else [])],
            **({"clusters": [reads_cluster(settings)]} if shared else {}),
        },
        "overload_manager": {
            "resource_monitors": [
                extension(
                    "envoy.resource_monitors.global_downstream_max_connections",
                    "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=settings.max_connections,
                )
            ]
        },
    }
    return {BOOTSTRAP: json.dumps(configuration, indent=2) + "\n"}


def inside_listeners(settings: GatewaySettings) -> list[Message]:
    """Make a listener for each service that others of the platform reach through the gateway.

    What comes there comes from inside: tokens, correlation ids and headers are the caller's own and stay.
    """
    return [
        typed(
            "config.listener.v3.Listener",
            name=f"{INSIDE_CONFIGURATION} {service}",
            address=_address(settings.address, port),
            per_connection_buffer_limit_bytes=1 << 20,
            filter_chains=[{"filters": [_inside_manager(settings, service)]}],
        )
        for service, port in sorted((settings.inside or {}).items())
    ]


def _inside_manager(settings: GatewaySettings, service: str) -> Message:
    target = {"append": {"header": {"key": TARGET, "value": service}, "append_action": OVERWRITE}}
    return extension(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="inside",
        codec_type="AUTO",
        rds={
            "route_config_name": INSIDE_CONFIGURATION,
            "config_source": _followed(settings, INSIDE_ROUTES),
        },
        early_header_mutation_extensions=[
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[target],
            )
        ],
        http_filters=[extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")],
        upgrade_configs=[{"upgrade_type": "websocket"}],
        local_reply_config=local_replies(),
        server_header_transformation="PASS_THROUGH",
        generate_request_id=False,
        stream_idle_timeout=seconds(STREAM_IDLE),
        use_remote_address=True,
        skip_xff_append=True,
        # All ports share one set of routes, so that a share moves for all of them at once.
    )


def command(folder: str, binary: str = "envoy") -> tuple[str, ...]:
    """Return the command line that runs the gateway from its folder."""
    return (
        binary,
        "-c",
        posixpath.join(folder, BOOTSTRAP),
        "--disable-hot-restart",  # else two gateways on one machine fight for one shared memory region
        "-l",
        "warning",
        "--file-flush-interval-msec",
        "200",  # the access log else lags by ten seconds
    )


def _address(host: str, port: int) -> Message:
    return {"socket_address": {"address": host, "port_value": port}}


def _followed(settings: GatewaySettings, path: str) -> Message:
    """Name a file to be read again on every rename inside its folder, which therefore is its own."""
    whole = posixpath.join(settings.folder, path)
    source = {"path": whole, "watched_directory": {"path": posixpath.dirname(whole)}}
    return {"path_config_source": source, "resource_api_version": "V3"}


def _listener(settings: GatewaySettings) -> Message:
    return {
        "name": "http",
        "address": _address(settings.address, settings.http_port),
        # What one slow client can make the gateway hold; request bodies have their own bound.
        "per_connection_buffer_limit_bytes": 32 << 10,
        "filter_chains": [{"filters": [_connection_manager(settings)]}],
    }


def _connection_manager(settings: GatewaySettings) -> Message:
    return extension(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        codec_type="AUTO",
        rds={
            "route_config_name": ROUTE_CONFIGURATION,
            "config_source": _followed(settings, ROUTES),
        },
        http_filters=_filters(settings),
        # An upgraded request never ends: the buffer filter would hold it for ever.
        upgrade_configs=[{"upgrade_type": "websocket", "filters": _filters(settings, buffered=False)}],
        local_reply_config=local_replies(),
        access_log=[_access_log()],
        server_header_transformation="PASS_THROUGH",  # adds none; the edge filter removes the service's
        **_trust(),
        **_bounds(settings),
    )


def _trust() -> Message:
    """Who clients are and what paths mean, before any filter looks at them."""
    return {
        "use_remote_address": True,  # x-forwarded-for is appended to, never believed
        # Nobody is internal, not even on loopback: an internal client may steer retries and timeouts.
        "internal_address_config": {"cidr_ranges": [_cidr("255.255.255.255", 32)]},
        "normalize_path": True,
        "merge_slashes": True,
        # %2F may be a separator to a service and none to the router: a way around a route's token check.
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _cidr(prefix: str, length: int) -> Message:
    return {"address_prefix": prefix, "prefix_len": length}


def _bounds(settings: GatewaySettings) -> Message:
    """Bounds on what one client can hold: connections, streams, header bytes, time."""
    return {
        "common_http_protocol_options": {
            "idle_timeout": seconds(120),
            "max_headers_count": 100,
            # To WSGI services x_user_id and x-user-id are the same header: one of them would be forged.
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 << 10,
            "initial_connection_window_size": 1 << 20,
        },
        "max_request_headers_kb": 32,
        "request_headers_timeout": seconds(settings.headers_timeout),  # slowloris
        "request_timeout": seconds(settings.request_timeout),  # slow bodies
        "stream_idle_timeout": seconds(STREAM_IDLE),
    }


def _filters(settings: GatewaySettings, *, buffered: bool = True) -> list[Message]:
    """Chain the filters; a request passes them downwards, a response upwards."""
    return [
        edge(settings),
        correlation(),
        retry_idempotent(),
        _ready(),
        extension("envoy.filters.http.cors", "extensions.filters.http.cors.v3.Cors"),
        _token_check(settings),
        identity(),
        extension(ROLE_CHECK, "extensions.filters.http.rbac.v3.RBAC"),  # asks for nothing but what routes say
        # After the token check, so that strangers cannot use up the callers' tokens.
        extension(
            "envoy.filters.http.local_ratelimit",
            "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="limit",
        ),
        *([_body_limit(settings)] if buffered else []),
        extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router"),
    ]


def _ready() -> Message:
    """Readiness answered by the gateway; 503 once its own admin socket got POST /healthcheck/fail."""
    return extension(
        "envoy.filters.http.health_check",
        "extensions.filters.http.health_check.v3.HealthCheck",
        pass_through_mode=False,
        headers=[{"name": ":path", "string_match": {"exact": READY}}],
    )


def _token_check(settings: GatewaySettings) -> Message:
    """Check tokens where a route asks for it.

    The filter is there even without keys: a route that asks then gets 403, where without the filter its
    demand would be ignored.
    """
    return extension(
        TOKEN_CHECK,
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        bypass_cors_preflight=True,
        **(_token_provider(settings) if settings.jwks else {}),
    )


def _token_provider(settings: GatewaySettings) -> Message:
    jwt = settings.gateway.jwt
    provider = {
        "issuer": jwt.issuer,
        **({"audiences": [jwt.audience]} if jwt.audience else {}),
        "local_jwks": {"inline_string": settings.jwks},
        "require_expiration": True,
        "forward": True,  # services may look at it again
        # By default also ?access_token= is read; it would be in logs and browser histories.
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": CLAIMS,
        "jwt_cache_config": {"jwt_cache_size": 1000},  # a signature costs about 100 us
    }
    requirement = {TOKEN_REQUIREMENT: {"provider_name": "platform"}}
    return {"providers": {"platform": provider}, "requirement_map": requirement}


def _body_limit(settings: GatewaySettings) -> Message:
    """Take the whole body before a service sees it: bounds it, and slow uploads bind no worker."""
    return extension(
        "envoy.filters.http.buffer",
        "extensions.filters.http.buffer.v3.Buffer",
        max_request_bytes=settings.gateway.max_body,
    )


def _access_log() -> Message:
    stdout = extension(
        "envoy.access_loggers.stdout",
        "extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"json_format": _ACCESS_LOG, "omit_empty_values": True},
    )
    return {"filter": {"not_health_check_filter": {}}, **stdout}
