"""Routes of services as one route configuration: match, token check, limit, retries, errors."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from nexus_cli.blueprint.model import Platform, Route, Service
from nexus_generators.envoy.headers import CLAIMS, CORRELATION, IDENTITY, TOKEN_CHECK, VERSION
from nexus_generators.envoy.listener import (
    INSIDE_CONFIGURATION,
    ROLE_CHECK,
    ROUTE_CONFIGURATION,
    STREAM_IDLE,
    TARGET,
    TOKEN_REQUIREMENT,
)
from nexus_generators.envoy.settings import Message, Side, Sides, extension, header, seconds, typed

Pair = tuple[Service, Route]

_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_CORS_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_CORS_REQUEST = (
    "authorization, content-type, idempotency-key, if-match, traceparent, tracestate, "
    f"{CORRELATION}, {VERSION}"
)
_CORS_RESPONSE = (
    f"etag, location, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, {CORRELATION}"
)


def route_configuration(platform: Platform, sides: Sides) -> Message:
    """Join the routes of all services, most specific first."""
    cors = platform.spec.gateway.cors
    pairs = sorted(
        ((service, route) for service in platform.services.values() for route in service.routes),
        key=_specific_first,
    )
    routes = [_health()]
    for path, same in groupby(pairs, key=lambda pair: _literal(pair[1].path)):
        routes += _of_path(path, list(same), sides, preflights=bool(cors))
    host: Message = {
        "name": "platform",
        "domains": ["*"],
        "routes": routes,
        **({"typed_per_filter_config": {"envoy.filters.http.cors": _cors(cors)}} if cors else {}),
    }
    return typed(
        "config.route.v3.RouteConfiguration",
        name=ROUTE_CONFIGURATION,
        virtual_hosts=[host],
        validate_clusters=True,  # else a route to an unknown cluster is taken, and answers 503
    )


def _of_path(path: str, pairs: Sequence[Pair], sides: Sides, *, preflights: bool) -> Iterator[Message]:
    """The routes of one path; where they name methods, all others end here.

    Further down, a shorter prefix with a weaker check would take them.
    """
    yield from (_route(service, route, sides) for service, route in pairs)
    limited = [(service, route) for service, route in pairs if route.methods]
    if limited:
        if preflights:
            yield _preflight(path, limited[-1][0], sides)
        yield _not_allowed(path, {method for _, route in limited for method in route.methods})


def _specific_first(pair: Pair) -> tuple[Any, ...]:
    """Order by length, then by number of conditions; the rest only makes the order certain."""
    service, route = pair
    path, version = _literal(route.path), route.version or ""
    return -len(path), path, not version, not route.methods, version, route.methods, service.name


def _literal(path: str) -> str:
    """Write the path as clients send it: `?`, `#`, quotes and what is not ASCII arrive percent-encoded."""
    return quote(path.rstrip("/"), safe=_PATH_SAFE) or "/"


def inside_configuration(services: Iterable[str], sides: Sides) -> Message:
    """Lead what a service's own port took to the service, by the name that the port's listener gave it."""
    routes = [
        {
            "name": f"{name} inside",
            "match": {"prefix": "/", "headers": [{"name": TARGET, "string_match": {"exact": name}}]},
            "route": {
                **_destination(name, sides),
                "timeout": "0s",  # the caller knows how long it wants to wait
                "retry_policy": _retries(0),
            },
            "request_headers_to_remove": [TARGET],
        }
        for name in sorted(services)
    ]
    host = {"name": "inside", "domains": ["*"], "routes": routes}
    return typed(
        "config.route.v3.RouteConfiguration",
        name=INSIDE_CONFIGURATION,
        virtual_hosts=[host],
        validate_clusters=True,
    )


def _route(service: Service, route: Route, sides: Sides) -> Message:
    return {
        "name": f"{service.name} {route.path}",
        "match": _match(route),
        "route": {
            **_destination(service.name, sides),
            **_rewrite(route),
            **_times(route),
            "retry_policy": _retries(route.retries),
        },
        # Without retries in the blueprint only those stay that the service cannot notice.
        **({} if route.retries else {"request_headers_to_remove": ["x-envoy-retry-on"]}),
        **_per_filter(route),
    }


def _match(route: Route) -> Message:
    headers = []
    if route.version:
        headers.append({"name": VERSION, "string_match": {"exact": route.version}})
    if route.methods:
        headers.append(
            {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(sorted(route.methods))}}}
        )
    return {**_prefix(route.path), **({"headers": headers} if headers else {})}


def _prefix(path: str) -> Message:
    """Whole segments only: /orders matches /orders and /orders/1, not /orders-old."""
    literal = _literal(path)
    return {"prefix": "/"} if literal == "/" else {"path_separated_prefix": literal}


def _destination(service: str, sides: Sides) -> Message:
    """Where requests go: to the only side that has a share, or divided among several."""
    known = sides.get(service) or [Side(service)]
    serving = [side for side in known if side.share > 0]
    if len(serving) <= 1:
        return {"cluster": (serving or known)[0].name}
    return {"weighted_clusters": {"clusters": [{"name": s.name, "weight": s.share} for s in serving]}}


def _rewrite(route: Route) -> Message:
    if route.rewrite is None:
        return {}
    path, target = _literal(route.path), _literal(route.rewrite)
    if target == "/":
        # Replacing /orders by / would make //1 of /orders/1; the slash has to go with the prefix.
        pattern = {"regex": f"^{re.escape(path.rstrip('/'))}/?"}
        return {"regex_rewrite": {"pattern": pattern, "substitution": "/"}}
    return {"prefix_rewrite": f"{target}/" if path == "/" else target}


def _times(route: Route) -> Message:
    # A route may take longer than a stream may idle by default.
    return {"timeout": seconds(route.timeout), "idle_timeout": seconds(max(STREAM_IDLE, route.timeout))}


def _retries(asked: int) -> Message:
    """Retries of what no service has seen, for every method; the retry filter adds the rest."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": asked or 2,
        "retry_host_predicate": [
            extension(
                "envoy.retry_host_predicates.previous_hosts",
                "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            )
        ],
        # Replicas are drawn anew until one is not a previous host: of two, four draws fail one time in 16.
        "host_selection_retry_max_attempts": 20,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.250s"},
    }


def _per_filter(route: Route) -> Message:
    configured: Message = {}
    if route.auth == "jwt":
        configured[TOKEN_CHECK] = typed(
            "extensions.filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=TOKEN_REQUIREMENT
        )
    if route.roles:
        only = _only(route.roles)
        configured[ROLE_CHECK] = typed("extensions.filters.http.rbac.v3.RBACPerRoute", rbac=only)
    if route.limit is not None:
        configured["envoy.filters.http.local_ratelimit"] = _limit(route.limit)
    return {"typed_per_filter_config": configured} if configured else {}


def _only(roles: Sequence[str]) -> Message:
    """Let in those whose verified token has one of the roles; the token check has read them before."""

    def has(role: str) -> Message:
        path = [{"key": name} for name in (CLAIMS, IDENTITY["x-user-roles"])]
        one = {"list_match": {"one_of": {"string_match": {"exact": role}}}}
        return {"sourced_metadata": {"metadata_matcher": {"filter": TOKEN_CHECK, "path": path, "value": one}}}

    policy = {"permissions": [{"any": True}], "principals": [has(role) for role in sorted(roles)]}
    return {"rules": {"action": "ALLOW", "policies": {"roles": policy}}}


def _limit(rate: float) -> Message:
    """Make a token bucket as large as the rate's number, refilled evenly; all callers share it."""
    count, unit = _written(rate)
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="limit",
        token_bucket={"max_tokens": count, "tokens_per_fill": count, "fill_interval": seconds(unit)},
        # Both are off by default.
        filter_enabled=always,
        filter_enforced=always,
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        response_headers_to_add=[header("retry-after", str(math.ceil(unit / count)))],
    )


def _written(rate: float) -> tuple[int, int]:
    """Return the count and the seconds that a rate was written with, in the shortest unit that is whole."""
    for unit in (1, 60):
        count = round(rate * unit)
        if count and math.isclose(count, rate * unit):
            return count, unit
    return max(1, round(rate * 3600)), 3600


def _health() -> Message:
    """Liveness: the data plane runs and has routes; it comes before the routes of services."""
    return {
        "name": "gateway health",
        "match": {"path": "/health"},
        "direct_response": {"status": 200, "body": {"inline_string": '{"status":"ok"}'}},
        "response_headers_to_add": [header("content-type", "application/json")],
    }


def _not_allowed(path: str, methods: Collection[str]) -> Message:
    """Answer 405 with Allow for a path that exists for other methods."""
    return {
        "name": f"not allowed {path}",
        "match": _prefix(path),
        "direct_response": {"status": 405},
        "response_headers_to_add": [header("allow", ", ".join(sorted(methods)))],
    }


def _preflight(path: str, service: Service, sides: Sides) -> Message:
    """Match preflights of a path that has no OPTIONS; the CORS filter answers them, but wants a route."""
    headers = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "origin", "present_match": True},
        {"name": "access-control-request-method", "present_match": True},
    ]
    return {
        "name": f"preflight {path}",
        "match": {**_prefix(path), "headers": headers},
        "route": _destination(service.name, sides),
    }


def _cors(origins: Sequence[str]) -> Message:
    return typed(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[_origin(origin) for origin in origins],
        allow_methods=_CORS_METHODS,
        allow_headers=_CORS_REQUEST,
        expose_headers=_CORS_RESPONSE,
        max_age="600",
        # With any origin, cookies would let any site act as the user.
        allow_credentials="*" not in origins,
        forward_not_matching_preflights=False,
    )


def _origin(origin: str) -> Message:
    """Match an origin as written; `*` stands for any, `https://*.shop.example` for one label."""
    if origin == "*":
        return {"safe_regex": {"regex": ".*"}}
    if "*" in origin:
        return {"safe_regex": {"regex": "[A-Za-z0-9-]+".join(map(re.escape, origin.split("*")))}}
    return {"exact": origin}
