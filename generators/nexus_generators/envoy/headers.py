"""Headers at the edge: what clients may not send, what they get back, and who they are."""

from __future__ import annotations

from nexus_generators.envoy.settings import GatewaySettings, Message, extension, header, typed

CORRELATION = "x-correlation-id"
VERSION = "x-api-version"

TOKEN_CHECK = "envoy.filters.http.jwt_authn"  # noqa: S105 - a name, not a secret
CLAIMS = "claims"
"""Where the filter that checks tokens leaves what they say, for those that follow."""

IDENTITY = {"x-user-id": "sub", "x-tenant-id": "tenant", "x-user-roles": "roles"}
"""Request headers that services may trust, and the token's claims they carry; a list arrives as JSON."""

_FORGEABLE = (*IDENTITY, "x-forwarded-host", "x-forwarded-prefix", "forwarded")

_DEFAULTS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    # Says nothing about scripts and styles: documentation pages load theirs from elsewhere.
    "content-security-policy": (
        "frame-ancestors 'none'; base-uri 'self'; object-src 'none'; form-action 'self'"
    ),
}
_HSTS = {"strict-transport-security": "max-age=31536000; includeSubDomains"}

_CORRELATION_VALID = r"[A-Za-z0-9._:-]{8,128}"
_IDEMPOTENT = "GET|HEAD|OPTIONS|PUT|DELETE"


def edge(settings: GatewaySettings) -> Message:
    """Remove forged request headers; give every response, errors too, the security headers.

    It has to be the first filter: then it is the last to see a response, also one of another filter.
    """
    defaults = _DEFAULTS | (_HSTS if settings.public_https else {})
    return _mutation(
        "nexus.edge",
        request=[{"remove": name} for name in _FORGEABLE],
        response=[
            {"remove": "server"},
            {"remove": "x-powered-by"},
            {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}},
            {"append": header(CORRELATION, f"%REQ({CORRELATION})%")},
            # A service that sets one of them itself knows better.
            *({"append": header(name, value, "ADD_IF_ABSENT")} for name, value in defaults.items()),
        ],
    )


def correlation() -> Message:
    """Give a request a correlation id unless it brings one that is safe to log."""
    return _skipped_if(
        _header_is(CORRELATION, _CORRELATION_VALID),
        # The connection manager made x-request-id anew: a random UUID.
        _mutation("nexus.correlation", request=[{"append": header(CORRELATION, "%REQ(x-request-id)%")}]),
    )


def retry_idempotent() -> Message:
    """Add to a route's retries those after an answer or a broken connection, for idempotent methods only.

    A route has one retry policy for all methods, and two routes would have two rate limits; but the router
    joins the policy with this header (and keeps it to itself). Clients cannot send it: they are external.
    """
    return _skipped_if(
        {"not_matcher": _header_is(":method", _IDEMPOTENT)},
        _mutation("nexus.retry", request=[{"append": header("x-envoy-retry-on", "gateway-error,reset")}]),
    )


def identity() -> Message:
    """Tells services who calls, from the verified token; it has to follow the token check."""
    mutations = [
        {"append": header(name, f"%DYNAMIC_METADATA({TOKEN_CHECK}:{CLAIMS}:{claim})%")}
        for name, claim in IDENTITY.items()
    ]
    return _mutation("nexus.identity", request=mutations)


def _mutation(name: str, *, request: list[Message], response: list[Message] | None = None) -> Message:
    mutations = {"request_mutations": request} | ({"response_mutations": response} if response else {})
    return extension(name, "extensions.filters.http.header_mutation.v3.HeaderMutation", mutations=mutations)


def _header_is(name: str, regex: str) -> Message:
    """Match a request header wholly."""
    source = extension("header", "type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)
    pattern = {"google_re2": {}, "regex": regex}
    return {"single_predicate": {"input": source, "value_match": {"safe_regex": pattern}}}


def _skipped_if(predicate: Message, inner: Message) -> Message:
    """Leave a filter out of the requests that the predicate holds for."""
    skip = extension("skip", "extensions.filters.common.matcher.action.v3.SkipFilter")
    return {
        "name": inner["name"],
        "typed_config": typed(
            "extensions.common.matching.v3.ExtensionWithMatcher",
            extension_config=inner,
            xds_matcher={
                "matcher_list": {"matchers": [{"predicate": predicate, "on_match": {"action": skip}}]}
            },
        ),
    }
