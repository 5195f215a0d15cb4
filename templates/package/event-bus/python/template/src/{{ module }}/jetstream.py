"""Events of a service over NATS JetStream: delivered at least once, in the trace of their cause."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

import structlog
from fast_depends.pydantic import PydanticSerializer
from faststream import BaseMiddleware, ContextRepo, StreamMessage
from faststream.exceptions import HandlerException
from faststream.nats import JStream, NatsBroker, NatsPublishCommand, NatsRouter
from faststream.nats.subscriber.usecases import PullStreamSubscriber
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict

_WEEK = 7 * 24 * 3600
_DELIVERIES = 8
_ANSWER = 2.0
_LOOK = 5.0
published = Counter("events_published_total", "Events published.", ["type", "outcome"])
consumed = Counter("events_consumed_total", "Events handled.", ["type", "outcome"])
_log = structlog.get_logger()

Data = TypeVar("Data")


class Envelope(BaseModel, Generic[Data]):
    """Something that happened (a CloudEvent)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    specversion: str = "1.0"
    id: str
    type: str
    source: str
    time: datetime
    datacontenttype: str = "application/json"
    data: Data


Handling = Callable[[Envelope[Any]], AbstractAsyncContextManager[Any]]
Continues = Callable[[Mapping[str, str]], None]


def stream_of(platform: str) -> JStream:
    """Name the stream that a platform's services share; the first of them makes it."""
    return JStream(platform.upper().replace("-", "_"), declare=False)


class Bus:
    """The broker, connected in the background and subscribed anew after each interruption."""

    def __init__(
        self, url: str, grace: float, *, platform: str, service: str, continues: Continues
    ) -> None:
        self.platform = platform
        self.service = service
        self.continues = continues
        self.stream = stream_of(platform).name
        self.broker = NatsBroker(
            url,
            name=service,
            connect_timeout=1,
            reconnect_time_wait=0.25,  # type: ignore[arg-type]  # a fraction will do
            max_reconnect_attempts=-1,
            reconnected_cb=self._reconnected,
            error_cb=_report,
            js_options={"timeout": _ANSWER},
            graceful_timeout=grace,
            logger=logging.getLogger(__name__),
            serializer=PydanticSerializer(
                ConfigDict(hide_input_in_errors=True),  # errors are logged
                use_fastdepends_errors=False,
            ),
        )
        self._task: asyncio.Task[None] | None = None
        self._interrupted = asyncio.Event()
        self._subscribed = False

    def start(self, routers: Iterable[NatsRouter], handling: Handling) -> None:
        """Connect and subscribe in the background, for as long as it takes."""
        self.broker.add_middleware(partial(Delivery, bus=self, handling=handling))
        for router in routers:
            self.broker.include_router(router, prefix=f"{self.platform}.")
        self._task = asyncio.create_task(self._serve())

    async def publish(self, event: Envelope[Any], trace: Mapping[str, str]) -> None:
        """Store the event in the trace of its cause; JetStream drops a second one with its id."""
        try:
            await self.store(event, event.type, {Header.MSG_ID: event.id, **trace})
        except BaseException:
            published.labels(event.type, "failed").inc()
            raise
        published.labels(event.type, "stored").inc()

    async def store(self, body: Envelope[Any] | bytes, kind: str, headers: dict[str, str]) -> None:
        """Return when the stream has it; a stream that is gone is made again."""
        jetstream = self._jetstream  # raises before the first connection
        publish = partial(
            self.broker.publish,
            body,
            f"{self.platform}.{kind}",
            headers=headers,
            correlation_id=headers.get("x-correlation-id"),
            stream=self.stream,
            timeout=_ANSWER,
        )
        try:
            await publish()
        except NoStreamResponseError:
            await self._ensure_stream(jetstream)
            await publish()
            self._interrupted.set()  # the consumers went with the stream

    async def ping(self) -> None:
        """Ask the server; raise when events cannot be carried."""
        if not self._subscribed or not self.broker.connection.is_connected:
            raise ConnectionError
        await self.broker.connection.flush(1)

    async def stop(self) -> None:
        """Finish the events in hand, then disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_ANSWER)  # connecting may swallow it
        try:
            await self.broker.stop()
        except NatsError:  # a connection that is interrupted cannot be drained
            await self.broker.connection.close()

    @property
    def _jetstream(self) -> JetStreamContext:
        stream: JetStreamContext = self.broker.config.connection_state.stream
        return stream

    async def _serve(self) -> None:
        """Stay subscribed, whatever happens to the server."""
        while True:
            try:
                await self.broker.connect()
                await self._ensure_stream(self._jetstream)
                for subscriber in self.broker.subscribers:
                    await subscriber.stop()
                await self.broker.start()
                self._subscribed = True
                await self._watch()
            except Exception as error:  # noqa: BLE001 - the server may come back at any time
                _log.warning("events interrupted", error=type(error).__name__)
                await asyncio.sleep(0.25)
            finally:
                self._subscribed = False

    async def _watch(self) -> None:
        """Return after a reconnection, raise when a consumer is gone; FastStream sees neither."""
        while not self._interrupted.is_set():
            for subscriber in self.broker.subscribers:
                if isinstance(subscriber, PullStreamSubscriber) and subscriber.subscription:
                    await subscriber.subscription.consumer_info()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._interrupted.wait()
        self._interrupted.clear()

    async def _reconnected(self) -> None:
        self._interrupted.set()

    async def _ensure_stream(self, jetstream: JetStreamContext) -> None:
        """Create the platform's stream when no service has done so yet; change none that is there."""
        try:
            await jetstream.stream_info(self.stream)
        except NotFoundError:
            subjects = [f"{self.platform}.>"]
            config = StreamConfig(name=self.stream, subjects=subjects, max_age=_WEEK)
            await jetstream.add_stream(config)


class Delivery(BaseMiddleware[NatsPublishCommand, Any]):
    """What surrounds a handler: the trace of the event, a unit of work, and what follows a failure.

    FastStream acknowledges the event when all of it is done, so after the commit.
    """

    def __init__(self, msg: Msg, /, *, context: ContextRepo, bus: Bus, handling: Handling) -> None:
        super().__init__(msg, context=context)
        self._bus = bus
        self._handling = handling

    async def on_receive(self) -> None:
        """Continue the trace; each delivery is a task of its own."""
        self._bus.continues(self.msg.headers or {})

    async def consume_scope(
        self,
        call_next: Callable[[StreamMessage[Msg]], Any],
        msg: StreamMessage[Msg],
    ) -> Any:
        """Give the handler a unit of work; it ends before the event is acknowledged."""
        event = Envelope[Any].model_validate(await msg.decode())
        async with self._handling(event) as work:
            with self.context.scope("work", work):
                result = await call_next(msg)
        return result

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool | None:
        """Count the event; after a failure it comes back later, the last time as a dead letter."""
        kind = self.msg.subject.removeprefix(f"{self._bus.platform}.")
        if exc_val is None:
            consumed.labels(kind, "handled").inc()
        elif isinstance(exc_val, Exception) and not isinstance(exc_val, HandlerException):
            consumed.labels(kind, "failed").inc()
            attempt = self.msg.metadata.num_delivered
            if attempt >= _DELIVERIES and await self._buried(kind):
                await self.msg.term()
            else:
                delay = 0.1 * 4 ** min(attempt, 4)
                _log.warning("event comes back", type=kind, attempt=attempt, delay=delay)
                await self.msg.nak(delay)
        return await super().after_processed(exc_type, exc_val, exc_tb)

    async def _buried(self, kind: str) -> bool:
        """Keep the event as a dead letter, under an identifier of its own."""
        service, number = self._bus.service, self.msg.metadata.sequence.stream
        headers = {**(self.msg.headers or {}), Header.MSG_ID: f"dead-{service}-{number}"}
        try:
            await self._bus.store(self.msg.data, f"dead.{service}.{kind}", headers)
        except Exception:  # noqa: BLE001 - logged and tried again
            _log.exception("dead letter not stored", type=kind)
            return False
        _log.error("event became a dead letter", type=kind)
        return True


async def _report(error: Exception) -> None:
    """Keep the library's errors out of standard error."""
    _log.debug("nats", error=type(error).__name__)
