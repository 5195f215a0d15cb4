"""What can be asked of a platform through its gateway, as its blueprints say: pure planning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nexus_cli.blueprint.model import Platform, Route, Service
from nexus_cli.scaffold.service import variables

Resource = Mapping[str, Any]
_METHODS = {"list": "GET", "create": "POST", "get": "GET", "update": "PATCH", "delete": "DELETE"}
_WITH_IDENTIFIER = frozenset({"get", "update", "delete"})
IDENTIFIER = "{id}"
NOBODY = "018f0000-0000-7000-8000-000000000000"
"""An identifier in the form of those that services make, and of nothing that there is."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a client may ask; `path` is the gateway's, with `{id}` where an identifier stands.

    `headers` are what the route needs to match. `resource` and `does` are those of a resource's operation,
    and nothing for a route whose code is the service's own. `file` and `line` say where the route is written,
    `roles` whom it lets in: anybody with a token if none.
    """

    service: str
    method: str
    path: str
    auth: Literal["none", "jwt"]
    headers: Mapping[str, str]
    resource: Resource | None = None
    does: str = ""
    file: str = ""
    line: int = 0
    roles: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How a person calls it."""
        return f"{self.method} {self.path}"

    def at(self, identifier: str = NOBODY) -> str:
        """The path of one of them."""
        return self.path.replace(IDENTIFIER, identifier)


def operations(platform: Platform, services: Sequence[str] = ()) -> list[Operation]:
    """Every operation behind every route of the services, by default of all."""
    found = []
    for service in platform.services.values():
        if not services or service.name in services:
            resources: Sequence[Resource] = variables(platform, service)["resources"]
            for number, route in enumerate(service.routes):
                place = platform.sources["service", service.name].at(["routes", number])
                behind = list(_behind(service, route, resources)) or [_itself(service, route)]
                found += [(operation, place) for operation in behind]
    return [
        replace(operation, file=place.file, line=place.line)
        for operation, place in found
        if _leads_to(platform, operation)
    ]


def _behind(service: Service, route: Route, resources: Sequence[Resource]) -> Iterator[Operation]:
    """The operations of the service's resources that a route leads to."""
    inside = (route.rewrite or route.path).rstrip("/")
    for resource in resources:
        path = f"/api/v1/{resource['plural']}"
        if not f"{path}/".startswith(f"{inside}/"):
            continue
        reached = route.path.rstrip("/") + path.removeprefix(inside)
        for does in resource["operations"]:
            method = _METHODS[does]
            if not route.methods or method in route.methods:
                whole = f"{reached}/{IDENTIFIER}" if does in _WITH_IDENTIFIER else reached
                yield replace(
                    _itself(service, route), method=method, path=whole, resource=resource, does=does
                )


def _itself(service: Service, route: Route) -> Operation:
    """The route alone, where its code is the service's own."""
    method = next(iter(route.methods), "GET")
    return Operation(service.name, method, route.path, route.auth, _matching(route), roles=route.roles)


def _matching(route: Route) -> Mapping[str, str]:
    return {"x-api-version": route.version} if route.version else {}


def _leads_to(platform: Platform, operation: Operation) -> bool:
    """Whether the gateway takes the longest route for it, and not another's that is longer."""
    fitting = [
        (len(route.path.rstrip("/")), bool(route.version), bool(route.methods), service.name, route)
        for service in platform.services.values()
        for route in service.routes
        if f"{operation.path}/".startswith(f"{route.path.rstrip('/')}/")
        and (not route.methods or operation.method in route.methods)
        and _matching(route).items() <= operation.headers.items()
    ]
    *_, service, route = max(fitting, key=lambda one: one[:3])
    here = (operation.service, operation.auth, operation.roles)
    return (service, route.auth, route.roles) == here
