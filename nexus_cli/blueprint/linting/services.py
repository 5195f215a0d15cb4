"""What a service is: its type and capabilities, routes and promises, secrets and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from nexus_cli.blueprint.capabilities import CAPABILITIES, lacking
from nexus_cli.blueprint.linting.rule import Fault, Rule, provided
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Platform, Route
from nexus_cli.blueprint.types import SERVICE_TYPES

_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(PRIVATE|API|SECRET|ACCESS|ENCRYPTION)_KEY|SECRET_KEY_BASE)S?$"
)


def looks_secret(variable: str) -> bool:
    """Whether a variable of this name holds what must not be written in clear."""
    return _SECRET_NAME.search(variable) is not None


def _route_shadowed(platform: Platform) -> Iterator[Fault]:
    seen: dict[tuple[str, str | None], tuple[str, frozenset[str]]] = {}
    for service in platform.services.values():
        for index, route in enumerate(service.routes):
            key = (route.path.rstrip("/") or "/", route.version)
            methods = frozenset(route.methods)
            other, other_methods = seen.setdefault(key, (service.name, methods))
            first = other == service.name and service.routes.index(route) == index
            if not first and (not methods or not other_methods or methods & other_methods):
                yield "service", service.name, ["routes", index], f"{route.path} is shadowed by {other}", None


def _route_falls_open(platform: Platform) -> Iterator[Fault]:
    by_path: dict[str, list[Route]] = {}
    for service in platform.services.values():
        for route in service.routes:
            by_path.setdefault(route.path.rstrip("/"), []).append(route)
    for service in platform.services.values():
        for index, route in enumerate(service.routes):
            path = route.path.rstrip("/")
            if any(other.version is None or other.methods for other in by_path[path]):
                continue  # what no version takes ends at that path, or is described there
            weaker = next((o for o in _further_down(by_path, path) if _lets_more_in(o, route)), None)
            if weaker is not None:
                said = f"{route.path} of any version but {route.version} is taken by {weaker.path}"
                yield "service", service.name, ["routes", index], f"{said}, which lets more people in", None


def _further_down(by_path: Mapping[str, Sequence[Route]], path: str) -> Iterator[Route]:
    """What may take a request that no route of the path takes, up to the first that takes any version."""
    while path:
        path = path.rpartition("/")[0]
        yield from by_path.get(path, ())
        if any(route.version is None for route in by_path.get(path, ())):
            return


def _lets_more_in(other: Route, route: Route) -> bool:
    if route.auth == "jwt" and other.auth == "none":
        return True
    return bool(route.roles) and not (other.roles and {*other.roles} <= {*route.roles})


def _secret_in_env(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, value in service.env.items():
            if looks_secret(name) and value and "${" not in value:
                yield (
                    "service",
                    service.name,
                    ["env", name],
                    f"{name} looks like a secret written in clear",
                    None,
                )


def _secret_twice(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        given = {*service.env, *provided(platform, service)}
        for index, name in enumerate(service.secrets):
            if name in given:
                yield "service", service.name, ["secrets", index], f"{name} is also set elsewhere", None


def _unknown_type(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if service.type not in SERVICE_TYPES and not service.run.serve:
            hint = (
                did_you_mean(service.type, SERVICE_TYPES)
                or f"one of {', '.join(SERVICE_TYPES)}, or give run.serve"
            )
            yield "service", service.name, ["type"], f'unknown type "{service.type}"', hint


def _scale_bounds(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        low, high = service.scale.min, service.scale.max
        if low is not None and high is not None and low > high:
            yield "service", service.name, ["scale"], f"min {low} is more than max {high}", None


def _slo_without_route(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        promised = service.slo.availability is not None or service.slo.p95 is not None
        if promised and not service.routes:
            yield "service", service.name, ["slo"], "promises an SLO but has no route to measure it on", None


def _canary_steps(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        steps = service.deploy.steps
        if steps and (list(steps) != sorted(set(steps)) or steps[-1] != 100 or steps[0] < 1):  # noqa: PLR2004
            yield "service", service.name, ["deploy", "steps"], "steps must rise and end at 100", None


def _capability(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for index, name in enumerate(service.with_):
            place, capability = ["with", index], CAPABILITIES.get(name)
            if capability is None:
                hint = did_you_mean(name, CAPABILITIES) or f"there are: {', '.join(CAPABILITIES)}"
                yield "service", service.name, place, f'unknown capability "{name}"', hint
            elif service.type not in capability.types:
                said = f"a {service.type} service does not have the capability {name}"
                yield "service", service.name, place, said, f"it is written for {', '.join(capability.types)}"
            else:
                for variable in sorted(set(capability.connections) - provided(platform, service)):
                    said = f"{name} needs {variable}, which nothing in `uses` provides"
                    yield "service", service.name, place, said, None
                for path, wanted in lacking(capability, service):
                    yield "service", service.name, path, f"{name} needs {wanted}", None


RULES: Mapping[str, Rule] = {
    "route-shadowed": Rule(
        "error",
        "only the first of two equal routes is ever taken",
        "give the routes different paths, versions or methods",
        _route_shadowed,
    ),
    "route-falls-open": Rule(
        "error",
        "without a version, or with another, a request would pass the check of the longer path by",
        "add a route of that path without `version`, with the check that it needs",
        _route_falls_open,
    ),
    "secret-in-env": Rule(
        "error", "a secret in a blueprint ends up in git", "move the name to secrets", _secret_in_env
    ),
    "secret-twice": Rule("error", "one variable has one origin", "remove one of the two", _secret_twice),
    "unknown-type": Rule(
        "error", "a type says how a service is built and run", "choose a known type", _unknown_type
    ),
    "scale-bounds": Rule(
        "error", "the bounds of an autoscaler must be in order", "make min at most max", _scale_bounds
    ),
    "slo-without-route": Rule(
        "warning", "an SLO is measured on routes", "add a route, or remove the SLO", _slo_without_route
    ),
    "canary-steps": Rule(
        "error",
        "a canary grows until it has all traffic",
        "write rising percentages that end at 100",
        _canary_steps,
    ),
    "capability": Rule(
        "error",
        "a capability works on what the service describes",
        "describe it as the catalogue's service of that name does",
        _capability,
    ),
}
