"""JSON logs on standard output, one object a line."""

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import structlog

from .tracing import Trace, current

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def configure(level: str, service: str) -> None:
    """Send structlog's and the standard library's records through one pipeline."""
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[
            partial(_identify, service),
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_serialise),
        ],
        logger_factory=structlog.BytesLoggerFactory(),
    )
    logging.basicConfig(handlers=[_Forward()], level=max(number, logging.WARNING), force=True)


def _identify(
    service: str,
    _: Any,
    level: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Add who speaks and for which request."""
    event["level"] = "error" if level == "exception" else level
    event["service"] = service
    trace = current.get()
    if trace is not None:
        event["correlation_id"] = trace.correlation_id
        event["trace_id"] = trace.trace_id
        event["span_id"] = trace.span_id
    return event


def _serialise(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def access(level: str, service: str, trace: Trace, fields: dict[str, Any]) -> None:
    """Write the line of a request directly: the pipeline would cost more than all the rest."""
    record = {
        **fields,
        "event": "request",
        "level": level,
        "service": service,
        "correlation_id": trace.correlation_id,
        "trace_id": trace.trace_id,
        "span_id": trace.span_id,
        "timestamp": datetime.now(UTC),
    }
    sys.stdout.buffer.write(orjson.dumps(record, option=_OPTIONS))
    sys.stdout.buffer.flush()


class _Forward(logging.Handler):
    """Hands the records of libraries to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
