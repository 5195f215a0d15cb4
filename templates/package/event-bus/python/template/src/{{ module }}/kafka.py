"""A bus over Apache Kafka."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

# asyncio to the ground, so that what is cancelled stops; FastStream's own client for Kafka as well
from aiokafka import (  # type: ignore[import-untyped]
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from .bus import Bus, DeadLetter, Handler, Policy
from .event import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from .schemas import Schemas

_KNOWN = 1000
_COPIES = 3
_LOOK = 1000
_AGAIN = 1.0
_FINISH = 5.0
_SILENT = 300.0
_TYPE = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
_log = logging.getLogger(__name__)


class KafkaBus(Bus):
    """A topic for each type of event, and one for the dead letters of each group.

    A topic that is not there is made with one partition, so that a type's events are in order; one that
    was made with more has order in each of them only, and as many members of a group at work. Kafka
    knows no identifiers: what is published again is stored again in the same partition, and left out
    by those who read it within the next thousand events.
    """

    def __init__(
        self, url: str, stream: str, policy: Policy | None = None, schemas: Schemas | None = None
    ) -> None:
        super().__init__(stream, policy, schemas)
        servers = url.removeprefix("kafka://").rstrip("/")
        if "@" in servers or "/" in servers:
            raise ValueError("kafka is reached by kafka://HOST:PORT[,HOST:PORT], without a user")
        self.servers = servers.split(",")
        self._producer: Any = None
        self._admin: Any = None
        self._members: list[_Member] = []
        self._topics: set[str] = set()

    async def open(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.servers, acks="all", enable_idempotence=True
        )
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        try:
            await self._producer.start()
            await self._admin.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the groups, then disconnect."""
        while self._members:
            await self._members.pop().leave()
        if self._producer is not None:
            await self._producer.stop()
            await self._admin.close()

    async def store(self, event: Event) -> None:
        """Keep an event: all copies have it; what the client itself sends again is not stored again."""
        await self._send(self.topic(event.type), event, event.dump())

    async def join(self, kind: str, group: str) -> None:  # noqa: ARG002 - made by its first member
        """Make the topic: a group that Kafka does not know begins with the first event."""
        await self._ensure(self.topic(kind))

    async def consume(self, kind: str, group: str, handler: Handler) -> None:
        """Be a member of the group until it is cancelled; `close` leaves it."""
        member = _Member(self, kind, group, handler)
        self._members.append(member)
        await member.enter()
        await asyncio.Event().wait()

    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be handled."""
        body = json.dumps({"reason": letter.reason, "event": letter.event.dump().decode()})
        await self._send(self._dead_topic(letter.group), letter.event, body.encode())

    async def dead(self, group: str) -> AsyncIterator[DeadLetter]:
        """Read what a group could not handle."""
        async for record in self._read(self._dead_topic(group), None):
            found = json.loads(record.value)
            yield DeadLetter(Event.load(found["event"]), group, found["reason"])

    async def replay(self, kind: str, *, since: datetime | None = None) -> AsyncIterator[Event]:
        """Read what has been published, in the order of time where there are several partitions."""
        known: dict[int, _Known] = {}
        async for record in self._read(self.topic(kind), since):
            try:
                event = Event.load(record.value or b"")
            except ValueError:  # it is among the dead letters of each group
                continue
            if known.setdefault(record.partition, _Known()).add(event.id):
                yield event

    def topic(self, kind: str) -> str:
        """Name the topic of a type."""
        return f"{self.stream}.{kind}"

    def _dead_topic(self, group: str) -> str:
        return f"dead.{self.stream}.{group}"

    async def _send(self, topic: str, event: Event, body: bytes) -> None:
        """Store it where the others with its identifier are: that is how they are known."""
        await self._ensure(topic)
        headers = _TYPE + [(name, value.encode()) for name, value in event.trace.items()]
        await self._producer.send_and_wait(topic, body, key=event.id.encode(), headers=headers)

    async def _ensure(self, topic: str) -> None:
        """Make the topic unless it is there, with as many copies as there are brokers, three at most."""
        if topic in self._topics:
            return
        if not await self._partitions(topic):
            brokers = (await self._admin.describe_cluster())["brokers"]
            wanted = NewTopic(topic, num_partitions=1, replication_factor=min(len(brokers), _COPIES))
            made = await self._admin.create_topics([wanted])
            for _, code, message in made.topic_errors:
                if code not in {0, TopicAlreadyExistsError.errno}:
                    raise for_code(code)(f"{topic}: {message}")
        self._topics.add(topic)

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        """Find them among all topics: who asks for one by name may make it."""
        return [
            TopicPartition(topic, partition["partition"])
            for found in await self._admin.describe_topics()
            if found["topic"] == topic
            for partition in found["partitions"]
        ]

    async def _read(self, topic: str, since: datetime | None) -> AsyncIterator[ConsumerRecord]:
        """Read up to where the topic ends now; of several partitions what is older comes first."""
        partitions = await self._partitions(topic)
        if not partitions:
            return
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, auto_offset_reset="earliest")
        try:
            await consumer.start()
            begins, ends = await _span(consumer, partitions, since)
            consumer.assign(list(begins))
            for place, begin in begins.items():
                consumer.seek(place, begin)
            waiting = {place: deque[ConsumerRecord]() for place in begins}
            unread = set(begins)
            while unread:
                empty = [place for place in unread if not waiting[place]]
                found = await consumer.getmany(*empty, timeout_ms=_LOOK)
                for place in empty:
                    waiting[place] += [r for r in found.get(place, ()) if r.offset < ends[place]]
                    if await consumer.position(place) >= ends[place]:
                        unread.discard(place)
                while all(waiting[place] for place in unread) and any(waiting.values()):
                    heads = (records for records in waiting.values() if records)
                    yield min(heads, key=lambda records: records[0].timestamp).popleft()
        finally:
            await _close(consumer)


async def _span(
    consumer: Any, partitions: list[TopicPartition], since: datetime | None
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Find where reading begins and where it ends, of the partitions that have anything to read."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    if since is None:
        begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
    else:
        moment = int(since.timestamp() * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, moment))
        begins = {place: first.offset for place, first in found.items() if first is not None}
    return {place: begin for place, begin in begins.items() if begin < ends[place]}, ends


async def _close(consumer: Any) -> None:
    """Stop it for good: without a server its library breaks off at the first request that it cancels."""
    await asyncio.gather(consumer.stop(), return_exceptions=True)
    await consumer._client.close()  # noqa: SLF001 - else it asks for a server for ever


class _Known:
    """The identifiers of the newest events of a partition."""

    def __init__(self) -> None:
        self._identifiers: dict[str, None] = {}

    def add(self, identifier: str) -> bool:
        """Whether it is new."""
        if identifier in self._identifiers:
            return False
        self._identifiers[identifier] = None
        if len(self._identifiers) > _KNOWN:
            del self._identifiers[next(iter(self._identifiers))]
        return True


class _Member(ConsumerRebalanceListener):  # type: ignore[misc]  # its library has no types
    """A member of a group, with a task for each partition that it is given: one that waits holds up no other."""

    def __init__(self, bus: KafkaBus, kind: str, group: str, handler: Handler) -> None:
        self.bus = bus
        self.kind = kind
        self.group = group
        self.handler = handler
        waits = sum(bus.policy.wait(attempt) for attempt in range(1, bus.policy.attempts))
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=bus.servers,
            group_id=f"{bus.stream}:{group}:{kind}",  # a group and a type may have dots themselves
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_interval_ms=int((_SILENT + waits) * 1000),
        )
        self._shares: list[_Share] = []
        self._leaving = False

    async def enter(self) -> None:
        """Join the group, as soon as a server answers."""
        self.consumer.subscribe([self.bus.topic(self.kind)], listener=self)
        while True:
            try:
                await self.consumer.start()
            except KafkaError as error:
                _log.warning("%s waits for Kafka: %s", self.group, error)
                await asyncio.sleep(_AGAIN)
            else:
                return

    async def leave(self) -> None:
        """Finish what is in hand, and let others have the partitions."""
        self._leaving = True
        await _stopped(self._shares)
        await _close(self.consumer)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin with each where its group stands."""
        if not self._leaving:
            self._shares = [_Share(self, place) for place in assigned]

    async def on_partitions_revoked(self, _: Iterable[TopicPartition]) -> None:
        """Finish what is in hand: another would handle it again."""
        await _stopped(self._shares)


class _Share:
    """One partition of a member: its events one after the other, those that fail ever later."""

    def __init__(self, member: _Member, place: TopicPartition) -> None:
        self._member = member
        self._place = place
        self._known = _Known()
        self._hand = asyncio.Lock()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End it between two attempts, or in the middle of one that takes too long."""
        try:
            async with asyncio.timeout(_FINISH):
                await self._hand.acquire()
        except TimeoutError:
            _log.warning("an event of %s is taken out of hand", self._member.group)
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        """Read what the group has not seen; before it, once more, those whose identifiers are to be known."""
        begin: int | None = None
        while True:
            records = await self._fetch()
            if begin is None and records:
                begin = records[0].offset
                if begin > 0:
                    self._member.consumer.seek(self._place, max(begin - _KNOWN, 0))
                    continue
            for record in records:
                await self._take(record, fresh=record.offset >= (begin or 0))

    async def _fetch(self) -> list[ConsumerRecord]:
        try:
            found = await self._member.consumer.getmany(self._place, timeout_ms=_LOOK)
        except KafkaError as error:
            _log.warning("%s reads again: %s", self._member.group, error)
            await asyncio.sleep(_AGAIN)
            return []
        records: list[ConsumerRecord] = found.get(self._place, [])
        return records

    async def _take(self, record: ConsumerRecord, *, fresh: bool) -> None:
        """Hand out an event, unless it is known, until nothing is left to do; then the group stands behind it."""
        member = self._member
        try:
            event, fault = Event.load(record.value or b""), ""
        except ValueError as error:
            text = (record.value or b"").decode(errors="replace")
            event, fault = Event.of(member.kind, text, source="unknown"), str(error)
        new = self._known.add(event.id)
        if not fresh:
            return
        number = 1
        while True:
            async with self._hand:
                pause = await self._attempt(event, fault, number) if new else None
                if pause is None:
                    await self._commit(record.offset + 1)
                    return
            await asyncio.sleep(pause)
            number += 1

    async def _attempt(self, event: Event, fault: str, number: int) -> float | None:
        member = self._member
        try:
            if fault:
                await member.bus.bury(DeadLetter(event, member.group, fault))
                return None
            return await member.bus.attempt(event, member.group, member.handler, number)
        except KafkaError as error:  # it could not be buried
            _log.warning("a dead letter of %s waits: %s", member.group, error)
            return _AGAIN

    async def _commit(self, offset: int) -> None:
        try:
            await self._member.consumer.commit({self._place: offset})
        except KafkaError as error:  # the next one says it as well
            _log.warning("%s goes on: %s", self._member.group, error)


async def _stopped(shares: list[_Share]) -> None:
    await asyncio.gather(*(share.stop() for share in shares))
    shares.clear()
