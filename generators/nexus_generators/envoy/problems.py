"""Errors that the gateway answers itself, as RFC 9457 problems."""

from __future__ import annotations

from http import HTTPStatus

from nexus_generators.envoy.headers import CORRELATION
from nexus_generators.envoy.settings import Message

_GIVEN = "%LOCAL_REPLY_BODY%"
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "The request is malformed or its path is not in normal form.",
    # What is wrong with the token is said by the filter that checked it, and helps who may not see a log.
    HTTPStatus.UNAUTHORIZED: _GIVEN,
    HTTPStatus.FORBIDDEN: _GIVEN,
    HTTPStatus.NOT_FOUND: "No route of the gateway matches this path.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The path exists, but not for this method.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than the gateway accepts.",
    HTTPStatus.TOO_MANY_REQUESTS: "The route's rate limit is reached; try again after Retry-After seconds.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are larger or more than the gateway accepts.",
    # Envoy's own texts for these name addresses of the inside.
    HTTPStatus.BAD_GATEWAY: "The service gave no valid answer.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The service cannot be reached or takes no more requests now.",
    HTTPStatus.GATEWAY_TIMEOUT: "The service did not answer in time.",
}
_CONTENT_TOO_LARGE = "Content Too Large"


def local_replies() -> Message:
    """Make the connection manager's `local_reply_config`; answers of services pass unchanged."""
    mappers = [_mapper("EQ", status, _title(status), detail) for status, detail in _DETAILS.items()]
    return {"mappers": [*mappers, _mapper("GE", HTTPStatus.BAD_REQUEST, "Request failed", _GIVEN)]}


def _title(status: HTTPStatus) -> str:
    return _CONTENT_TOO_LARGE if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else status.phrase


def _mapper(operation: str, status: int, title: str, detail: str) -> Message:
    # A comparison must name a runtime key; no runtime layer is loaded, so the default always holds.
    value = {"default_value": status, "runtime_key": f"nexus.problem.{operation.lower()}_{status:d}"}
    problem = {
        "type": "about:blank",
        "title": title,
        "status": "%RESPONSE_CODE%",
        "detail": detail,
        "instance": "%PATH(NQ)%",
        "correlation_id": f"%REQ({CORRELATION})%",
    }
    return {
        "filter": {"status_code_filter": {"comparison": {"op": operation, "value": value}}},
        "body_format_override": {"json_format": problem, "content_type": "application/problem+json"},
    }
