"""Events: who publishes what others consume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus_cli.blueprint.linting.rule import Fault, Rule, provided
from nexus_cli.blueprint.load import catalogue_publishers, did_you_mean
from nexus_cli.blueprint.model import Platform


def _event_unpublished(platform: Platform) -> Iterator[Fault]:
    published = {event for service in platform.services.values() for event in service.events.publishes}
    for service, index, event in unpublished(platform):
        if event not in catalogue_publishers():
            hint = did_you_mean(event, published)
            yield "service", service, ["events", "consumes", index], f"nobody publishes {event}", hint


def unpublished(platform: Platform) -> Iterator[tuple[str, int, str]]:
    """The consumed events that no service of the platform publishes: by whom, at which place."""
    published = {event for service in platform.services.values() for event in service.events.publishes}
    for service in platform.services.values():
        for index, event in enumerate(service.events.consumes):
            if event not in published:
                yield service.name, index, event


def _event_unconsumed(platform: Platform) -> Iterator[Fault]:
    consumed = {event for service in platform.services.values() for event in service.events.consumes}
    for service in platform.services.values():
        for index, event in enumerate(service.events.publishes):
            if event not in consumed:
                yield (
                    "service",
                    service.name,
                    ["events", "publishes", index],
                    f"nobody consumes {event}",
                    None,
                )


def _event_without_bus(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if not (service.events.publishes or service.events.consumes):
            continue
        if "NATS_URL" not in provided(platform, service):
            yield "service", service.name, ["events"], "has events but uses no event bus", None


def _resource_event(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for moment, event in resource.events:
                if event is not None and event not in service.events.publishes:
                    path = ["resources", name, "events", moment]
                    yield "service", service.name, path, f"{event} is missing in events.publishes", None


RULES: Mapping[str, Rule] = {
    "event-unpublished": Rule(
        "warning",
        "a consumer without a publisher waits for ever",
        "publish it somewhere, or stop consuming it",
        _event_unpublished,
    ),
    "event-unconsumed": Rule(
        "note",
        "an event that nobody reads may be left over",
        "consume it, or leave it for others",
        _event_unconsumed,
    ),
    "event-without-bus": Rule(
        "error", "events travel over an event bus", "add nats to uses", _event_without_bus
    ),
    "resource-event": Rule(
        "error",
        "what a service publishes is declared in one place",
        "add it to events.publishes",
        _resource_event,
    ),
}
