"""Reports of what nobody handled, to a server that speaks the protocol of Sentry's SDKs."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from .tracing import current

if TYPE_CHECKING:
    from sentry_sdk.types import Event

_log = structlog.get_logger()
_LAST_WORDS = 2.0


class Reports:
    """Sends errors from a thread of its own: a server that is slow or gone holds up no request.

    A report says what was raised and where, of which version, and under which identifiers the logs and traces
    have the rest. What was asked, by whom and with which values is not in it.
    """

    def __init__(self, dsn: str, service: str, version: str, environment: str) -> None:
        from sentry_sdk import Client  # noqa: PLC0415 - costs those nothing who report nowhere

        self._service = service
        self._client = Client(
            dsn,
            release=f"{service}@{version}",
            environment=environment,
            default_integrations=False,  # each would watch the process and add what it sees
            auto_enabling_integrations=False,
            include_local_variables=False,
            auto_session_tracking=False,
            send_client_reports=False,
        )

    def report(self, error: Exception, place: str) -> None:
        """Hand an error over and return; `place` is what was going on, the same for all of its kind."""
        from sentry_sdk.utils import event_from_exception  # noqa: PLC0415

        mechanism = {"type": "generic", "handled": False}
        try:
            event, hint = event_from_exception(error, self._client.options, mechanism)
            event |= self._circumstances(place)
            self._client.capture_event(event, hint)
        except Exception as fault:  # noqa: BLE001 - a report is not worth a request
            _log.warning("error not reported", error=type(fault).__name__)

    async def close(self) -> None:
        """Send what is still waiting, for a moment at most."""
        await asyncio.to_thread(self._client.close, _LAST_WORDS)

    def _circumstances(self, place: str) -> "Event":
        """Say where it happened, and in the course of what."""
        found: Event = {"transaction": place, "tags": {"service": self._service}}
        trace = current.get()
        if trace is not None:
            found["tags"]["correlation_id"] = trace.correlation_id
            found["contexts"] = {"trace": {"trace_id": trace.trace_id, "span_id": trace.span_id}}
        return found
