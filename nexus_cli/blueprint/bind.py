"""Connections: from addresses, ports, credentials and secrets to each unit's environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.blueprint.references import resolve

HOST = "127.0.0.1"
Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bindings:
    """What is decided outside the blueprints: host ports, credentials and secrets of one environment.

    `ports` is unit -> port name -> number (a service's only port is named `http`); absent ones are the
    blueprint's own. `credentials` is component -> name -> value.
    """

    environment: str = "development"
    host: str = HOST
    ports: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    credentials: Mapping[str, Values] = field(default_factory=dict)
    secrets: Values = field(default_factory=dict)
    variables: Values = field(default_factory=dict)


def unit_ports(unit: Service | Component, bindings: Bindings) -> dict[str, int]:
    """The unit's host ports by name: those bound, else the blueprint's."""
    written = {"http": unit.port} if isinstance(unit, Service) else dict(unit.ports)
    return {**written, **bindings.ports.get(unit.name, {})}


def component_values(component: Component, bindings: Bindings, **more: str) -> dict[str, str]:
    """What `${...}` may name inside a component's blueprint; `more` adds paths and the consumer."""
    values = {"name": component.name, "host": bindings.host, "environment": bindings.environment}
    values |= {f"ports.{name}": str(port) for name, port in unit_ports(component, bindings).items()}
    chosen = bindings.credentials.get(component.name, {})
    for name, written in component.credentials.items():
        values[f"credentials.{name}"] = chosen.get(name, "" if written == "generated" else written)
    return values | more


def unit_url(unit: Service | Component, bindings: Bindings) -> str:
    """The address that a person opens or connects to."""
    if isinstance(unit, Service):
        return f"http://{bindings.host}:{unit_ports(unit, bindings)['http']}"
    return resolve(unit.url, component_values(unit, bindings)) if unit.url else ""


def service_values(platform: Platform, bindings: Bindings) -> dict[str, str]:
    """What `${...}` may name inside a service's `env`: the platform, and each unit's address."""
    values = {"platform.name": platform.name, "environment.name": bindings.environment}
    units: list[Service | Component] = [*platform.services.values(), *platform.components.values()]
    for unit in units:
        values[f"{unit.name}.host"] = bindings.host
        values[f"{unit.name}.url"] = unit_url(unit, bindings)
        ports = unit_ports(unit, bindings)
        values |= {f"{unit.name}.ports.{name}": str(port) for name, port in ports.items()}
        if ports:
            values[f"{unit.name}.port"] = str(next(iter(ports.values())))
    return values


def url_variable(service: str) -> str:
    """The variable that holds a called service's address: CATALOG_URL for catalog."""
    return f"{service.replace('-', '_').upper()}_URL"


def consumers(platform: Platform, component: Component) -> list[Service]:
    """The services that use a component, by name."""
    return [
        service
        for service in platform.services.values()
        if any(platform.resolve(use.service) is component for use in service.uses)
    ]


def connections(platform: Platform, service: Service, bindings: Bindings) -> Iterator[tuple[str, str]]:
    """The variables that a service gets from what it uses, in the order of its `uses`."""
    for use in service.uses:
        target = platform.resolve(use.service)
        if isinstance(target, Component):
            values = component_values(target, bindings, consumer=service.name)
            for name, text in target.provides.items():
                yield name, resolve(text, values)
        elif target is not None:
            yield url_variable(target.name), unit_url(target, bindings)


def service_environment(
    platform: Platform, service: Service, bindings: Bindings, known: Values | None = None
) -> dict[str, str]:
    """Every variable of a service: the contract's own, its connections, its `env` and its secrets."""
    values = service_values(platform, bindings) if known is None else known
    environment = {
        "HOST": bindings.host,
        "PORT": str(unit_ports(service, bindings)["http"]),
        "SERVICE_NAME": service.name,
        "PLATFORM": platform.name,
        "ENVIRONMENT": bindings.environment,
    }
    environment |= connections(platform, service, bindings)
    environment |= bindings.variables
    environment |= {name: resolve(text, values) for name, text in service.env.items()}
    return environment | {
        name: bindings.secrets[name] for name in service.secrets if name in bindings.secrets
    }
