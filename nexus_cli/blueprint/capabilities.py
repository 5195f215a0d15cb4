"""Capabilities: what `with:` lays over a service's template, and what a service must describe for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nexus_cli.blueprint.fields import FieldType, parse_field
from nexus_cli.blueprint.model import Service


@dataclass(frozen=True)
class Capability:
    """What a capability stands on: types that have it, connections, and resources with these fields.

    A resource may have more fields and an enum more values than what is written here.
    """

    types: tuple[str, ...]
    connections: tuple[str, ...] = ()
    written: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, FieldType]]:
        """The resources as blueprints have them."""
        return {
            name: {key: parse_field(text) for key, text in fields.items()}
            for name, fields in self.written.items()
        }


_CHANNEL = "enum(email, sms, push, slack, discord, webhook)"

CAPABILITIES: Mapping[str, Capability] = {
    "notification": Capability(
        types=("fastapi",),
        connections=("DATABASE_URL",),
        written={
            "notification-template": {
                "channel": _CHANNEL,
                "subject": "string optional",
                "body": "text",
                "html": "text optional",
                "active": "bool = true",
            },
            "notification": {
                "status": "enum(queued, sending, sent, delivered, failed, bounced, suppressed) = queued",
                "channel": _CHANNEL,
                "recipient": "string",
                "template": "ref(notification-template) optional",
                "subject": "string optional",
                "body": "text optional",
                "html": "text optional",
                "variables": "json optional",
                "priority": "enum(low, normal, high) = normal",
                "send_at": "datetime optional",
                "batch": "uuid optional",
            },
            "delivery": {
                "notification": "ref(notification) unique",
                "channel": "string",
                "rank": "int",
                "due": "datetime",
                "attempts": "int",
            },
            "delivery-attempt": {
                "notification": "ref(notification)",
                "number": "int",
                "provider": "string",
                "succeeded": "bool",
                "answer": "text optional",
            },
            "suppression": {
                "recipient": "string unique",
                "reason": "enum(bounce, complaint)",
                "until": "datetime optional",
            },
        },
    ),
}


def lacking(capability: Capability, service: Service) -> Iterator[tuple[list[str], str]]:
    """What the service's resources lack for a capability: where, and what is to be written there."""
    for name, fields in capability.resources.items():
        resource = service.resources.get(name)
        if resource is None:
            yield ["resources"], f'the resource "{name}" with {", ".join(fields)}'
            continue
        if service.of_tenants(name):
            yield ["resources", name], f'"{name}" without tenants'
        for key, wanted in fields.items():
            found = resource.fields.get(key)
            written = capability.written[name][key]
            if found is None:
                yield ["resources", name], f"{name}.{key}: {written}"
            elif not _serves(found, wanted):
                yield ["resources", name, "fields", key], f"{name}.{key}: {written}"


def _serves(found: FieldType, wanted: FieldType) -> bool:
    """Whether a field is what is wanted, or more."""
    return (found.type, found.target, found.unique, found.optional) == (
        wanted.type,
        wanted.target,
        wanted.unique,
        wanted.optional,
    ) and set(found.values) >= set(wanted.values)
