"""Metrics for Prometheus."""

from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Duration of HTTP requests.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_children: dict[tuple[str, str, int], Histogram] = {}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Record one request; the children are kept because looking them up costs more."""
    key = (method, route, status)
    child = _children.get(key)
    if child is None:
        known = method if method in _METHODS else "_OTHER"
        child = _children.setdefault((known, route, status), _DURATION.labels(known, route, status))
    child.observe(seconds)


async def metrics(_: Request) -> Response:
    """Answer a scrape."""
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})
