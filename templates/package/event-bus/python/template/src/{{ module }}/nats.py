"""A bus over NATS JetStream."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from nats import connect
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig
from nats.js.errors import NotFoundError

from .bus import Bus, DeadLetter, Handler, Policy
from .event import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from nats.aio.client import Client
    from nats.js import JetStreamContext
    from nats.js.client import JetStreamContext as Context

    from .schemas import Schemas

_WEEK = 7 * 24 * 3600.0
_HANDLING = 30.0
_PART = 100


class NatsBus(Bus):
    """One stream for the events of a platform and one for its dead letters; a durable consumer a group."""

    def __init__(
        self, url: str, stream: str, policy: Policy | None = None, schemas: Schemas | None = None
    ) -> None:
        super().__init__(stream, policy, schemas)
        self._url = url
        self._client: Client | None = None
        self._name = stream.upper().replace("-", "_").replace(".", "_")

    async def open(self) -> None:
        """Connect, and make the streams unless they are there."""
        self._client = await connect(self._url, max_reconnect_attempts=-1)
        for name, subject in (
            (self._name, self.stream),
            (f"{self._name}_DEAD", f"dead.{self.stream}"),
        ):
            try:
                await self._stream.stream_info(name)
            except NotFoundError:
                await self._stream.add_stream(
                    StreamConfig(
                        name=name, subjects=[f"{subject}.>"], max_age=_WEEK, duplicate_window=120
                    )
                )

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()

    async def store(self, event: Event) -> None:
        """Keep an event."""
        headers = {"Nats-Msg-Id": event.id, **event.trace}
        await self._stream.publish(f"{self.stream}.{event.type}", event.dump(), headers=headers)

    async def join(self, kind: str, group: str) -> None:
        """Make the group's consumer."""
        await self._pull(kind, group)

    async def consume(self, kind: str, group: str, handler: Handler) -> None:
        """Fetch, hand out, acknowledge."""
        subscription = await self._pull(kind, group)
        while True:
            with suppress(NatsTimeoutError):
                for message in await subscription.fetch(1, timeout=1):
                    number = message.metadata.num_delivered
                    try:
                        event = Event.load(message.data)
                    except ValueError as error:
                        event = Event.of(
                            kind, message.data.decode(errors="replace"), source="unknown"
                        )
                        await self.bury(DeadLetter(event, group, str(error)))
                        await message.term()
                        continue
                    pause = await self.attempt(event, group, handler, number)
                    await (message.ack() if pause is None else message.nak(delay=pause))

    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be handled."""
        body = json.dumps({"reason": letter.reason, "event": letter.event.dump().decode()}).encode()
        await self._stream.publish(f"dead.{self.stream}.{letter.group}", body)

    async def dead(self, group: str) -> AsyncIterator[DeadLetter]:
        """Read what a group could not handle."""
        async for raw in self._read(f"{self._name}_DEAD", f"dead.{self.stream}.{group}", None):
            found = json.loads(raw)
            yield DeadLetter(Event.load(found["event"]), group, found["reason"])

    async def replay(self, kind: str, *, since: datetime | None = None) -> AsyncIterator[Event]:
        """Read what has been published."""
        async for raw in self._read(self._name, f"{self.stream}.{kind}", since):
            yield Event.load(raw)

    async def _read(
        self, stream: str, subject: str, since: datetime | None
    ) -> AsyncIterator[bytes]:
        policy = DeliverPolicy.BY_START_TIME if since else DeliverPolicy.ALL
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=policy,
            opt_start_time=since,
            inactive_threshold=30,
        )
        subscription = await self._stream.pull_subscribe(subject, stream=stream, config=config)
        left = (await subscription.consumer_info()).num_pending or 0
        while left > 0:
            messages = await subscription.fetch(min(left, _PART), timeout=5)
            left -= len(messages)
            for message in messages:
                yield message.data
        await subscription.unsubscribe()

    async def _pull(self, kind: str, group: str) -> Context.PullSubscription:
        durable = f"{group}-{kind}".replace(".", "-")
        config = ConsumerConfig(
            ack_wait=_HANDLING,
            max_deliver=self.policy.attempts + 1,
            deliver_policy=DeliverPolicy.ALL,
        )
        return await self._stream.pull_subscribe(
            f"{self.stream}.{kind}", durable=durable, stream=self._name, config=config
        )

    @property
    def _stream(self) -> JetStreamContext:
        if self._client is None:
            raise RuntimeError("the bus is not open")
        return self._client.jetstream()
