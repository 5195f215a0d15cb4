"""What the gateway's caller decides: where it listens, where its files lie, and its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus_cli.blueprint.model import Gateway

Message = dict[str, Any]
"""A protobuf message of Envoy's v3 API in its JSON form."""

Files = Mapping[str, str]
"""File contents by path, relative to `GatewaySettings.folder`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one replica of a service listens; weight 0 takes it out of the balancing."""

    host: str
    port: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Side:
    """The replicas of one release of a service: a cluster of that name, and its share of the requests.

    Shares count relative to those of the service's other sides; a side with none is only kept at hand.
    """

    name: str
    endpoints: Sequence[Endpoint] = ()
    share: int = 100


Sides = Mapping[str, Sequence[Side]]
"""By service: one side, or several while releases stand beside each other."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the data plane needs to know beyond the blueprints; times are in seconds, sizes in bytes.

    `folder` is the absolute path where the files will lie as Envoy sees it. `jwks` is a public JSON Web Key
    Set; without one every route that asks for a token answers 403. `public_https` says that clients come
    through TLS. `max_connections` bounds the clients, `max_requests` what is in flight to each service.
    `inside` is the port of each service on which others of the platform reach it through the gateway, so
    that their requests too are split over its sides.
    """

    http_port: int
    admin_port: int
    folder: str
    address: str = "127.0.0.1"
    admin_address: str = "127.0.0.1"
    jwks: str = ""
    gateway: Gateway = field(default_factory=lambda: Gateway.model_validate({}))
    public_https: bool = False
    max_connections: int = 10_000
    max_requests: int = 1_024
    headers_timeout: float = 10.0
    request_timeout: float = 60.0
    check_interval: float = 2.0
    ejection: float = 5.0
    inside: Mapping[str, int] | None = None


def typed(kind: str, **fields: Any) -> Message:
    """Make a message inside an `Any`: `kind` is its name without the `envoy.` that all of them share."""
    return {"@type": f"type.googleapis.com/envoy.{kind}", **fields}


def extension(name: str, kind: str, **fields: Any) -> Message:
    """Make a named extension with its configuration, such as a filter."""
    return {"name": name, "typed_config": typed(kind, **fields)}


def seconds(value: float) -> str:
    """Write a protobuf duration; milliseconds are exact enough here."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"


OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"


def header(key: str, value: str, action: str = OVERWRITE) -> Message:
    """Set a header; `action` says what to do when it is there already."""
    return {"header": {"key": key, "value": value}, "append_action": action}
