"""What holds for events over NATS JetStream: CloudEvents, delivered at least once, counted once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import Answers, expect, require, within
from nexus_cli.conformance.exposition import count, scrape
from nexus_cli.conformance.nats import Message, Nats
from nexus_cli.conformance.requests import PARENT, TRACE
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.service import TENANT

_CREATED = 201
_DELIVERY = 20.0


def what_is_created_is_announced(rig: Rig) -> None:
    """What is created is announced by a CloudEvent on `<platform>.<type>`, in the trace of its request."""
    resource = next(announced(rig.answers))
    with _connected(rig) as nats:
        nats.subscribe(f"{rig.answers['platform']}.>")
        sent = {"x_correlation_id": "announced", "traceparent": PARENT}
        answer = rig.service.post(samples.path(resource), rig.body(resource), **sent)
        expect("the status", answer.status, _CREATED)
        kind = resource["events"]["created"]
        message = _of(answer.json, nats, f"{rig.answers['platform']}.{kind}")
    _expect_event(message, kind, rig.answers["name"])
    expect("its data", message.json["data"], answer.json)
    expect("its correlation", message.headers["x-correlation-id"], "announced")
    expect("its trace", message.headers["traceparent"].split("-")[1], TRACE)


def _of(item: Mapping[str, Any], nats: Nats, subject: str) -> Message:
    """The message about an item; those of what was made before may still be on their way."""
    while True:
        message = nats.next(subject)
        if message.json["data"].get("id") == item["id"]:
            return message


def events_outlive_their_service(rig: Rig) -> None:
    """An event of a change that is stored is published, in order, after NATS was away and an end by force."""
    resource = next(announced_alone(rig.answers))
    address = rig.empty_database()
    expect("the migration", rig.attempt(rig.migrate, DATABASE_URL=address).code, 0)
    service = rig.process("killed", DATABASE_URL=address)
    with rig.without("NATS_URL"):
        service.listen()
        sent = {"x_correlation_id": "outlived", "traceparent": PARENT}
        made = [service.post(samples.path(resource), rig.body(resource), **sent) for _ in range(3)]
        expect("the statuses without NATS", [answer.status for answer in made], [_CREATED] * 3)
        service.process.kill()
    with _connected(rig) as nats:
        kind = resource["events"]["created"]
        nats.subscribe(f"{rig.answers['platform']}.{kind}")
        with rig.another("revived", DATABASE_URL=address):
            messages = [nats.next() for _ in made]
    expect("their data", [message.json["data"] for message in messages], [answer.json for answer in made])
    for message in messages:
        _expect_event(message, kind, rig.answers["name"])
        expect("their correlation", message.headers["x-correlation-id"], "outlived")
        expect("their trace", message.headers["traceparent"].split("-")[1], TRACE)
        expect("their tenant", message.headers["x-tenant-id"], TENANT)


def _expect_event(message: Message, kind: str, source: str) -> None:
    event = message.json
    wanted = {"specversion": "1.0", "type": kind, "source": source, "datacontenttype": "application/json"}
    expect("the envelope", {name: event.get(name) for name in wanted}, wanted)
    require("its time has a zone", datetime.fromisoformat(event["time"]).tzinfo, event)
    expect("the identifier that is stored once", message.headers["nats-msg-id"], event["id"])


def announced(answers: Answers) -> Any:
    """The resources whose creation is an event."""
    found = resources_with(answers, "create") if "NATS_URL" in answers["connections"] else iter(())
    return (r for r in found if r["events"].get("created"))


def announced_alone(answers: Answers) -> Any:
    """Those of them that refer to nothing else, so that an empty database is enough."""
    return (r for r in announced(answers) if not any(field["type"] == "ref" for field in r["fields"]))


def consumes(answers: Answers) -> bool:
    """Whether a service handles events."""
    return "NATS_URL" in answers["connections"] and bool(answers["consumes"])


def an_event_is_handled_in_its_trace(rig: Rig) -> None:
    """A handler continues the trace of its event; what it has handled is logged and counted."""
    kind = rig.answers["consumes"][0]
    identifier = _publish(rig, kind)
    (record,) = _handled(rig, identifier)
    expect("its trace", (record["correlation_id"], record["trace_id"]), (f"for-{identifier}", TRACE))
    handled = count(scrape(rig.service), "events_consumed_total", type=kind, outcome="handled")
    require("it is counted", handled)


def an_event_that_comes_twice_counts_once(rig: Rig) -> None:
    """An event that is delivered again after it has been handled changes nothing."""
    kind = rig.answers["consumes"][0]
    identifier = _publish(rig, kind)
    _handled(rig, identifier)
    _publish(rig, kind, identifier)
    within(
        _DELIVERY,
        "knowing the event",
        lambda: rig.service.logged("event already handled", event_id=identifier),
    )
    expect("how often it was handled", len(_handled(rig, identifier)), 1)


def an_event_that_fails_comes_back(rig: Rig) -> None:
    """An event that cannot be handled comes back, later each time, and holds up no other."""
    kind = rig.answers["consumes"][0]
    with _connected(rig) as nats:
        headers = {"Nats-Msg-Id": uuid.uuid4().hex, "x-correlation-id": "failing"}
        nats.ask(f"{rig.answers['platform']}.{kind}", {"data": {}}, headers)

    def attempts() -> list[dict[str, Any]]:
        found = rig.service.logged("event comes back", type=kind, correlation_id="failing")
        return found if len(found) > 2 else []  # noqa: PLR2004 - two differences

    records = within(_DELIVERY, "three attempts", attempts)
    expect("the attempts", [record["attempt"] for record in records[:3]], [1, 2, 3])
    delays = [record["delay"] for record in records[:3]]
    require("the delay grows", delays[0] < delays[1] < delays[2], delays)
    _handled(rig, _publish(rig, kind))


def events_flow_again_after_nats(rig: Rig) -> None:
    """Events flow again when NATS was away, when it has lost its data, and when its stream was deleted."""
    with rig.without("NATS_URL"):
        pass
    _events_flow(rig)
    with rig.without("NATS_URL"):
        rig.servers["NATS_URL"].forget()
    _events_flow(rig)
    with _connected(rig) as nats:
        nats.ask(f"$JS.API.STREAM.DELETE.{_stream(rig)}")
    _events_flow(rig)


def _events_flow(rig: Rig) -> None:
    """Create what is announced, then publish what is handled: after the first, the stream is there again."""
    for resource in announced(rig.answers):
        with _connected(rig) as nats:
            nats.subscribe(f"{rig.answers['platform']}.{resource['events']['created']}")
            rig.created(resource)
            nats.next()
    if consumes(rig.answers):
        within(_DELIVERY, "the stream", lambda: _stream_is_there(rig))
        _handled(rig, _publish(rig, rig.answers["consumes"][0]))


def _stream_is_there(rig: Rig) -> bool:
    with _connected(rig) as nats:
        names: list[str] = nats.ask("$JS.API.STREAM.NAMES")["streams"] or []
    return _stream(rig) in names


def _stream(rig: Rig) -> str:
    name: str = rig.answers["platform"].upper().replace("-", "_")
    return name


def _publish(rig: Rig, kind: str, identifier: str = "") -> str:
    """Publish an event as a service that was not generated might; its identifier."""
    identifier = identifier or uuid.uuid4().hex
    event = {
        "id": identifier,
        "type": kind,
        "source": "conformance",
        "time": "2026-01-01T00:00:00Z",
        "data": {},
    }
    headers = {
        "Nats-Msg-Id": f"{identifier}-{time.time_ns()}",
        "x-correlation-id": f"for-{identifier}",
        "traceparent": PARENT,
    }
    with _connected(rig) as nats:
        nats.ask(f"{rig.answers['platform']}.{kind}", event, headers)
    return identifier


def _handled(rig: Rig, identifier: str) -> list[dict[str, Any]]:
    return within(
        _DELIVERY, "handling the event", lambda: rig.service.logged("event handled", event_id=identifier)
    )


def _connected(rig: Rig) -> Nats:
    return Nats(rig.environment["NATS_URL"])
