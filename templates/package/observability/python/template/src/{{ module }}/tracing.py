"""Correlation and W3C trace context: accepted, checked, passed on; exported when configured."""

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class Trace(NamedTuple):
    """What ties the work on one request together, across services."""

    correlation_id: str
    trace_id: str
    span_id: str
    flags: str = "01"
    tenant: str = ""  # whose work it is; empty where nobody says

    @property
    def traceparent(self) -> str:
        """This work as the parent of what it causes."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @property
    def headers(self) -> dict[str, str]:
        """What goes along with calls and events."""
        tenant = {"x-tenant-id": self.tenant} if self.tenant else {}
        return {
            "x-correlation-id": self.correlation_id,
            "traceparent": self.traceparent,
            **tenant,
        }


current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(
    correlation_id: str | None,
    traceparent: str | None,
    tenant: str | None = None,
) -> Trace:
    """Continue the caller's trace; what is missing or malformed is replaced."""
    span = trace.get_current_span()
    parent = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if span is not trace.INVALID_SPAN:
        context = span.get_span_context()
        trace_id = trace.format_trace_id(context.trace_id)
        span_id = trace.format_span_id(context.span_id)
        flags = f"{context.trace_flags:02x}"
    elif parent is not None:
        trace_id, flags = parent[1], parent[3]
        span_id = os.urandom(8).hex()
    else:
        random = os.urandom(24).hex()
        trace_id, span_id, flags = random[:32], random[32:], "01"
    if correlation_id is None or not _CORRELATION_ID.fullmatch(correlation_id):
        correlation_id = trace_id
    if tenant is None or not _TENANT.fullmatch(tenant):
        tenant = ""
    return Trace(correlation_id, trace_id, span_id, flags, tenant)


def propagated() -> Mapping[str, str]:
    """Headers of the current work, for what it calls."""
    current_trace = current.get()
    return current_trace.headers if current_trace is not None else {}


def exporter(service: str, version: str, environment: str) -> "TracerProvider":
    """Build the pipeline to the collector; imported here because it is rarely needed."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    chosen = "OTEL_TRACES_SAMPLER" in os.environ
    ratio = 1.0 if environment == "development" else 0.1
    provider = TracerProvider(
        sampler=None if chosen else ParentBasedTraceIdRatio(ratio),
        resource=Resource.create(
            {
                "service.name": service,
                "service.version": version,
                "deployment.environment.name": environment,
            }
        ),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
