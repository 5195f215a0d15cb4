"""Spans and `traceparent`, where OpenTelemetry is installed; nothing where it is not."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

try:
    _trace: Any = importlib.import_module("opentelemetry.trace")
    _propagate: Any = importlib.import_module("opentelemetry.propagate")
except ImportError:
    _trace = _propagate = None


@contextlib.contextmanager
def span(name: str, method: str, path: str) -> Iterator[Any]:
    """A client span around one call with all its retries; None without OpenTelemetry."""
    if _trace is None:
        yield None
        return
    attributes = {"http.request.method": method, "url.template": path}
    tracer = _trace.get_tracer(name)
    with tracer.start_as_current_span(
        f"{method} {path}", kind=_trace.SpanKind.CLIENT, attributes=attributes
    ) as current:
        yield current


def inject(headers: dict[str, str]) -> None:
    """Add `traceparent`, so that the API's spans belong to ours."""
    if _propagate is not None and "traceparent" not in headers:
        _propagate.inject(headers)


def answered(current: Any, status: int, tries: int) -> None:
    """Record how a call ended."""
    if current is not None:
        current.set_attribute("http.response.status_code", status)
        if status >= 400:
            current.set_attribute("error.type", str(status))
            current.set_status(_trace.StatusCode.ERROR)
        if tries:
            current.set_attribute("http.request.resend_count", tries)
