"""Rules that a whole platform must keep; each has an id, a reason and a way to mend it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_cli.blueprint import bind, graph
from nexus_cli.blueprint.capabilities import CAPABILITIES, lacking
from nexus_cli.blueprint.load import catalogue_names, catalogue_publishers, did_you_mean
from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.blueprint.references import UnknownReference, resolve
from nexus_cli.blueprint.source import Finding, Location
from nexus_cli.blueprint.types import SERVICE_TYPES

Fault = tuple[str, str, Sequence[Any], str, str | None]  # kind, name, path, message, hint
Check = Callable[[Platform], Iterator[Fault]]

RESERVED = frozenset({"all", "nexus", "platform", "default", "supervisor", "localhost"})
OWN_FIELDS = frozenset({"id", "created_at", "updated_at", "row_version", "tenant_id", "metadata", "registry"})
_ENGINES = ("unix://", "tcp://", "ssh://", "context://")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(PRIVATE|API|SECRET|ACCESS|ENCRYPTION)_KEY|SECRET_KEY_BASE)S?$"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: how bad breaking it is (error, warning, note), why it exists and how to mend a break."""

    severity: str
    reason: str
    fix: str
    check: Check


def lint(platform: Platform) -> list[Finding]:
    """Every finding of every rule, in the order of the files."""
    findings = [finding for name in RULES for finding in findings_of(platform, name)]
    return sorted(findings, key=lambda finding: finding.where)


def findings_of(platform: Platform, name: str) -> list[Finding]:
    """What breaks one rule."""
    rule = RULES[name]
    return [
        Finding(name, rule.severity, message, _where(platform, kind, unit, path), hint or rule.fix)
        for kind, unit, path, message, hint in rule.check(platform)
    ]


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that forbid going on."""
    return [finding for finding in findings if finding.severity == "error"]


def looks_secret(variable: str) -> bool:
    """Whether a variable of this name holds what must not be written in clear."""
    return _SECRET_NAME.search(variable) is not None


def _where(platform: Platform, kind: str, name: str, path: Sequence[Any]) -> Location:
    source = platform.sources.get((kind, name))
    return source.at(path) if source else Location("nexus.yaml")


def _unknown_dependency(platform: Platform) -> Iterator[Fault]:
    known = {*platform.services, *platform.components}
    known |= {alias for component in platform.components.values() for alias in component.aliases}
    catalogue = catalogue_names()
    for unit in platform.units:
        for index, use in enumerate(unit.uses):
            if use.service not in known and not (use.optional and use.service in catalogue):
                hint = did_you_mean(use.service, known)
                if use.service in catalogue:
                    hint = f'the catalogue has it: add "catalogue:{use.service}" to include in nexus.yaml'
                yield unit.kind, unit.name, ["uses", index], f'unknown dependency "{use.service}"', hint


def _not_included(platform: Platform) -> Iterator[Fault]:
    """What the catalogue has and this platform goes without: optional uses, and events of others."""
    for unit in platform.units:
        for index, use in enumerate(unit.uses):
            if use.optional and platform.resolve(use.service) is None and use.service in catalogue_names():
                yield unit.kind, unit.name, ["uses", index], f'goes without "{use.service}"', None
    for service, index, event in _unpublished(platform):
        publisher = catalogue_publishers().get(event)
        if publisher is not None:
            path = ["events", "consumes", index]
            yield "service", service, path, f'goes without {event}, which "{publisher}" publishes', None


def _cycle(platform: Platform) -> Iterator[Fault]:
    for cycle in graph.cycles(graph.dependencies(platform)):
        path = " -> ".join([*cycle, cycle[0]])
        kind = "service" if cycle[0] in platform.services else "component"
        yield kind, cycle[0], ["uses"], f"dependencies form a cycle: {path}", None


def _duplicate_use(platform: Platform) -> Iterator[Fault]:
    for unit in platform.units:
        seen: set[str] = set()
        for index, use in enumerate(unit.uses):
            target = platform.resolve(use.service)
            name = target.name if target else use.service
            if name in seen:
                yield unit.kind, unit.name, ["uses", index], f'"{name}" is used twice', None
            seen.add(name)


def _connection_clash(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        givers: dict[str, str] = {}
        for index, use in enumerate(service.uses):
            target = platform.resolve(use.service)
            for variable in target.provides if isinstance(target, Component) else ():
                other = givers.setdefault(variable, use.service)
                if other != use.service:
                    message = f'"{use.service}" and "{other}" both provide {variable}'
                    yield "service", service.name, ["uses", index], message, None


def _port_taken(platform: Platform) -> Iterator[Fault]:
    written: list[tuple[str, str, list[Any], int]] = [
        ("component", c.name, ["publish" if name in c.publish else "ports", name], port)
        for c in platform.components.values()
        for name, port in bind.unit_ports(c, bind.Bindings()).items()
    ]
    written += [("service", s.name, ["port"], s.port) for s in platform.services.values()]
    taken: dict[int, str] = {}
    for kind, name, path, port in written:
        if port in taken:
            yield kind, name, path, f"port {port} is taken by {taken[port]}", None
        else:
            taken[port] = f"{kind} {name}"


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


def _event_unpublished(platform: Platform) -> Iterator[Fault]:
    published = {event for service in platform.services.values() for event in service.events.publishes}
    for service, index, event in _unpublished(platform):
        if event not in catalogue_publishers():
            hint = did_you_mean(event, published)
            yield "service", service, ["events", "consumes", index], f"nobody publishes {event}", hint


def _unpublished(platform: Platform) -> Iterator[tuple[str, int, str]]:
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
        if "NATS_URL" not in _provided(platform, service):
            yield "service", service.name, ["events"], "has events but uses no event bus", None


def _resource_event(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for moment, event in resource.events:
                if event is not None and event not in service.events.publishes:
                    path = ["resources", name, "events", moment]
                    yield "service", service.name, path, f"{event} is missing in events.publishes", None


def _provided(platform: Platform, service: Service) -> set[str]:
    targets = (platform.resolve(use.service) for use in service.uses)
    return {name for target in targets if isinstance(target, Component) for name in target.provides}


def _resource_without_database(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if service.resources and "DATABASE_URL" not in _provided(platform, service):
            yield "service", service.name, ["resources"], "has resources but uses no database", None


def _ref_unknown(platform: Platform) -> Iterator[Fault]:
    known = {name for service in platform.services.values() for name in service.resources}
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for key, field in resource.fields.items():
                if field.target is not None and field.target not in known:
                    path = ["resources", name, "fields", key]
                    hint = did_you_mean(field.target, known)
                    yield "service", service.name, path, f'ref to unknown resource "{field.target}"', hint


def _ref_circular(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        edges = {
            name: [f.target for f in resource.fields.values() if f.target is not None and f.target != name]
            for name, resource in service.resources.items()
        }
        for cycle in graph.cycles(edges):
            told = " -> ".join([*cycle, cycle[0]])
            yield "service", service.name, ["resources", cycle[0]], f"circular references: {told}", None


def _ref_to_tenant(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for key, field in resource.fields.items():
                shared = not service.of_tenants(name) and field.target in service.resources
                if shared and field.target is not None and service.of_tenants(field.target):
                    path = ["resources", name, "fields", key]
                    yield (
                        "service",
                        service.name,
                        path,
                        f'"{field.target}" belongs to tenants, "{name}" to all',
                        None,
                    )


def _state_unknown(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            states = next((field.values for field in resource.fields.values() if field.type == "enum"), ())
            for state, after in resource.states.items():
                for other in dict.fromkeys((state, *after)):
                    if other not in states:
                        path = ["resources", name, "states", state]
                        hint = did_you_mean(other, states)
                        yield "service", service.name, path, f'unknown state "{other}"', hint


def _field_name(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for key in resource.fields:
                path = ["resources", name, "fields", key]
                if key in OWN_FIELDS or keyword.iskeyword(key):
                    yield "service", service.name, path, f'"{key}" has a meaning of its own', None
                elif not _FIELD_NAME.fullmatch(key):
                    yield (
                        "service",
                        service.name,
                        path,
                        f'"{key}" is not a lower_case name of at most 30',
                        None,
                    )


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
        given = {*service.env, *_provided(platform, service)}
        for index, name in enumerate(service.secrets):
            if name in given:
                yield "service", service.name, ["secrets", index], f"{name} is also set elsewhere", None


def _image_unpinned(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        if component.image and "@" not in component.image:
            tag = component.image.rsplit("/", 1)[-1].partition(":")[2]
            if tag in {"", "latest"}:
                yield (
                    "component",
                    component.name,
                    ["image"],
                    f"image {component.image} has no pinned tag",
                    None,
                )


def _no_health(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        if component.health is None:
            yield "component", component.name, [], f'component "{component.name}" has no health check', None


def _health_port(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        for key in ("tcp", "port"):
            name = getattr(component.health, key, None)
            if name is not None and name not in component.ports:
                hint = did_you_mean(name, component.ports)
                yield "component", component.name, ["health", key], f'there is no port "{name}"', hint


def _nowhere_to_run(platform: Platform) -> Iterator[Fault]:
    for component in platform.components.values():
        if component.image is None and component.build is None and component.embedded is None:
            yield "component", component.name, [], "has no image, no build and no embedded form", None


def _reserved_name(platform: Platform) -> Iterator[Fault]:
    for name in sorted(RESERVED & {*platform.services, *platform.components}):
        kind = "service" if name in platform.services else "component"
        yield kind, name, ["name"], f'"{name}" is a reserved name', None
    for name in sorted(platform.services.keys() & platform.components.keys()):
        yield "service", name, ["name"], f'"{name}" is also a component', None
    for component in platform.components.values():
        for index, alias in enumerate(component.aliases):
            if alias in platform.services or alias in platform.components:
                yield "component", component.name, ["aliases", index], f'"{alias}" is also a name', None


def _unknown_type(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if service.type not in SERVICE_TYPES and not service.run.serve:
            hint = (
                did_you_mean(service.type, SERVICE_TYPES)
                or f"one of {', '.join(SERVICE_TYPES)}, or give run.serve"
            )
            yield "service", service.name, ["type"], f'unknown type "{service.type}"', hint


def _unknown_reference(platform: Platform) -> Iterator[Fault]:
    bindings = bind.Bindings()
    known = bind.service_values(platform, bindings) if any(s.env for s in platform.services.values()) else {}
    for service in platform.services.values():
        for name, text in service.env.items():
            yield from _reference("service", service.name, ["env", name], text, known)
    for component in platform.components.values():
        yield from _component_references(platform, component, bindings)


def _component_references(
    platform: Platform, component: Component, bindings: bind.Bindings
) -> Iterator[Fault]:
    values = bind.component_values(component, bindings)
    inside = {**values, **bind.used_values(platform, component, bindings), "files": ""}
    consumer = {**values, "consumer": ""}
    texts: list[tuple[list[Any], str, Mapping[str, str]]] = [(["url"], component.url, values)]
    texts += [(["provides", name], text, consumer) for name, text in component.provides.items()]
    texts += [(["env", name], text, inside) for name, text in component.env.items()]
    texts += [(["entrypoint", i], text, inside) for i, text in enumerate(component.entrypoint)]
    texts += [(["command", i], text, inside) for i, text in enumerate(component.command)]
    embedded = component.embedded
    if embedded is not None:
        host = {**values, "data": "", "files": "", **{f"files.{name}": "" for name in embedded.files}}
        texts += [(["embedded", "command", i], text, host) for i, text in enumerate(embedded.command)]
        texts += [(["embedded", "files", name], text, host) for name, text in embedded.files.items()]
        texts += [(["embedded", "env", name], text, host) for name, text in embedded.env.items()]
    for path, text, known in texts:
        yield from _reference("component", component.name, path, text, known)


def _reference(
    kind: str, name: str, path: Sequence[Any], text: str, known: Mapping[str, str]
) -> Iterator[Fault]:
    try:
        resolve(text, known)
    except UnknownReference as fault:
        yield kind, name, path, str(fault), fault.hint


def _source_outside(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if _leaves(service.source):
            yield "service", service.name, ["source"], f'"{service.source}" leaves the workspace', None
    for package in platform.packages.values():
        if _leaves(package.source):
            yield "package", package.name, ["source"], f'"{package.source}" leaves the workspace', None


def _leaves(source: str) -> bool:
    return source.startswith(("/", "~")) or ".." in source.split("/")


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


def _unknown_user(platform: Platform) -> Iterator[Fault]:
    for package in platform.packages.values():
        for index, user in enumerate(package.users):
            if user not in platform.services:
                hint = did_you_mean(user, platform.services)
                yield "package", package.name, ["users", index], f'unknown service "{user}"', hint
    for environment in platform.environments.values():
        for name in environment.replicas:
            if name not in platform.services:
                hint = did_you_mean(name, platform.services)
                yield "environment", environment.name, ["replicas", name], f'unknown service "{name}"', hint


def _target(platform: Platform) -> Iterator[Fault]:
    for environment in platform.environments.values():
        place, name = environment.target, environment.name
        if place.docker is not None and not place.docker.startswith(_ENGINES):
            said = f'"{place.docker}" is no address of an engine'
            yield "environment", name, ["target", "docker"], said, f"it begins with {', '.join(_ENGINES)}"
        elif place.certificates is not None:
            path = ["target", "certificates"]
            if not (place.docker or "").startswith("tcp://"):
                yield "environment", name, path, "only a tcp:// engine is known by certificates", None
            elif Path(place.certificates).expanduser().is_relative_to(platform.root):
                yield "environment", name, path, "the certificates lie in the workspace", None


def _unknown_zone(platform: Platform) -> Iterator[Fault]:
    zoned = [
        (environment.name, index, zone)
        for environment in platform.environments.values()
        for index, window in enumerate(environment.freeze)
        for zone in window.split(" ")[5:]
    ]
    if not zoned:
        return
    from zoneinfo import available_timezones

    known = available_timezones()
    for name, index, zone in zoned:
        if zone not in known:
            said = f'unknown time zone "{zone}"'
            yield "environment", name, ["freeze", index], said, did_you_mean(zone, known)


def _user_language(platform: Platform) -> Iterator[Fault]:
    for package in platform.packages.values():
        for index, user in enumerate(package.users):
            service = platform.services.get(user)
            kind = SERVICE_TYPES.get(service.type) if service else None
            if service and kind and kind.language != package.language:
                said = f"{user} is a {service.type} service, which cannot use a {package.language} package"
                yield "package", package.name, ["users", index], said, None


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
                for variable in sorted(set(capability.connections) - _provided(platform, service)):
                    said = f"{name} needs {variable}, which nothing in `uses` provides"
                    yield "service", service.name, place, said, None
                for path, wanted in lacking(capability, service):
                    yield "service", service.name, path, f"{name} needs {wanted}", None


def _models_elsewhere(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        kind = SERVICE_TYPES.get(service.type)
        if kind is None or kind.models:
            continue
        said = f"a {service.type} service keeps nothing of its own"
        for key, value in {
            "resources": service.resources,
            "events": service.events.publishes or service.events.consumes,
        }.items():
            if value:
                yield "service", service.name, [key], said, None
        for index, use in enumerate(service.uses):
            target = platform.resolve(use.service)
            if isinstance(target, Component) and target.provides:
                yield "service", service.name, ["uses", index], said, None


RULES: Mapping[str, Rule] = {
    "unknown-dependency": Rule(
        "error",
        "a service cannot start without what it uses",
        "describe it, or include it from the catalogue",
        _unknown_dependency,
    ),
    "not-included": Rule(
        "note",
        "a service works with what is there; more of the catalogue would give it more to work with",
        'add it as "catalogue:NAME" to include in nexus.yaml, or leave it out',
        _not_included,
    ),
    "cycle": Rule(
        "error",
        "services that need one another can never start",
        "make one direction an event, or mark it optional and break the cycle",
        _cycle,
    ),
    "duplicate-use": Rule("error", "one connection has one name", "remove one of the two", _duplicate_use),
    "connection-clash": Rule(
        "error", "two components would write the same variable", "use one of them", _connection_clash
    ),
    "port-taken": Rule("error", "two units cannot listen on one port", "choose another port", _port_taken),
    "route-shadowed": Rule(
        "error",
        "only the first of two equal routes is ever taken",
        "give the routes different paths, versions or methods",
        _route_shadowed,
    ),
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
    "resource-without-database": Rule(
        "error", "resources are tables of a database", "add postgres to uses", _resource_without_database
    ),
    "ref-unknown": Rule(
        "error",
        "a reference must point at a resource of this platform",
        "describe the resource, or use uuid",
        _ref_unknown,
    ),
    "ref-circular": Rule(
        "error",
        "a row must be storable before what refers to it",
        "leave one of the references out, or make it a uuid",
        _ref_circular,
    ),
    "ref-to-tenant": Rule(
        "error",
        "what everybody sees must not lead to what only a tenant may see",
        "give both to tenants (`tenant: true`), or make the field a uuid",
        _ref_to_tenant,
    ),
    "state-unknown": Rule(
        "error",
        "states are the values of the resource's first enum",
        "name one of them, or add it to the enum",
        _state_unknown,
    ),
    "field-name": Rule(
        "error",
        "a field becomes a column and an attribute in every language",
        "choose another name, such as order_id for id",
        _field_name,
    ),
    "secret-in-env": Rule(
        "error", "a secret in a blueprint ends up in git", "move the name to secrets", _secret_in_env
    ),
    "secret-twice": Rule("error", "one variable has one origin", "remove one of the two", _secret_twice),
    "image-unpinned": Rule(
        "warning",
        "an image without a pinned tag changes under you",
        "pin a version, such as postgres:18.1",
        _image_unpinned,
    ),
    "no-health": Rule(
        "warning",
        "without a health check nobody knows when it is ready",
        "add health: {tcp: PORT-NAME}",
        _no_health,
    ),
    "health-port": Rule(
        "error", "a health check asks a named port", "name one of the component's ports", _health_port
    ),
    "nowhere-to-run": Rule(
        "error", "a component needs an image or an embedded form", "add image or embedded", _nowhere_to_run
    ),
    "reserved-name": Rule("error", "a name stands for one thing", "choose another name", _reserved_name),
    "unknown-type": Rule(
        "error", "a type says how a service is built and run", "choose a known type", _unknown_type
    ),
    "unknown-reference": Rule(
        "error",
        "an unknown ${...} is never an empty string",
        "name something that exists",
        _unknown_reference,
    ),
    "source-outside": Rule(
        "error", "paths stay inside the workspace", "move the code into the workspace", _source_outside
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
    "unknown-user": Rule("error", "a name must mean a service", "correct the name", _unknown_user),
    "target": Rule(
        "error",
        "an engine is reached by an address, and trusted by certificates that are nobody else's",
        "keep them outside of the workspace, such as in ~/.docker/production",
        _target,
    ),
    "unknown-zone": Rule(
        "error",
        "a freeze that cannot be reckoned would stop every deployment",
        "name a zone such as Europe/Berlin, or none for UTC",
        _unknown_zone,
    ),
    "capability": Rule(
        "error",
        "a capability works on what the service describes",
        "describe it as the catalogue's service of that name does",
        _capability,
    ),
    "models-elsewhere": Rule(
        "error",
        "a web application shows what services keep",
        "describe it in a service, and name that service in `uses`",
        _models_elsewhere,
    ),
    "user-language": Rule(
        "error",
        "a service uses packages of its own language",
        "take the service out of users, or write the package in its language",
        _user_language,
    ),
}
