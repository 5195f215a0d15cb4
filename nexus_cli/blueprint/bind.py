"""Connections: from addresses, ports, credentials and secrets to each unit's environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nexus_cli.blueprint.model import GENERATED, Component, Platform, Service
from nexus_cli.blueprint.references import resolve

HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - inside a container, whose network is its own
Values = Mapping[str, str]
Address = tuple[str, Mapping[str, int]]
"""Where a unit is reached: the host, and its ports by name."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What is decided outside the blueprints: host ports, credentials and secrets of one environment.

    `ports` is unit -> port name -> number (a service's only port is named `http`); absent ones are the
    blueprint's own. `credentials` is component -> name -> value. `host` is where a person reaches the units,
    and `public` the address at which a gateway in a container takes requests from other machines, if it does.
    `containers`: the units are on a network of their own, where each is known by its name.
    `replicas` is how many of a service run where that is not what its blueprint says. `revisions` number the
    releases of services that may stand beside each other. `through` is the gateway by which units reach
    services then, so that their requests too go to the release that is meant. `detours` are the addresses
    that one unit (by name) is told of another, where that is not the other's own.
    """

    environment: str = "development"
    host: str = HOST
    public: str = ""
    containers: bool = False
    ports: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    credentials: Mapping[str, Values] = field(default_factory=dict)
    secrets: Values = field(default_factory=dict)
    variables: Values = field(default_factory=dict)
    replicas: Mapping[str, int] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    through: str = ""
    detours: Mapping[tuple[str, str], tuple[str, Mapping[str, int]]] = field(default_factory=dict)

    @property
    def listen(self) -> str:
        """The address that units listen on."""
        return EVERYWHERE if self.containers else HOST


def own_ports(unit: Service | Component) -> dict[str, int]:
    """The ports that the unit listens on by its blueprint."""
    return {"http": unit.port} if isinstance(unit, Service) else dict(unit.ports)


def unit_ports(unit: Service | Component, bindings: Bindings) -> dict[str, int]:
    """The unit's ports on this machine by name: those bound, else the blueprint's."""
    published = unit.publish if isinstance(unit, Component) else {}
    return {**own_ports(unit), **published, **bindings.ports.get(unit.name, {})}


def replicas(service: Service, bindings: Bindings) -> list[str]:
    """The names of the units that a service runs as: its own, then `order.2`, `order.3`.

    Those of a revision are `order.r7`, `order.r7.2`, `order.r7.3`.
    """
    count = bindings.replicas.get(service.name, service.scale.replicas)
    revision = bindings.revisions.get(service.name)
    first = service.name if revision is None else f"{service.name}.r{revision}"
    return [first if number == 1 else f"{first}.{number}" for number in range(1, count + 1)]


def replica_port(service: Service, replica: str, bindings: Bindings) -> int:
    """A replica's port on this machine."""
    return bindings.ports.get(replica, {}).get("http", service.port)


def replica_alias(service: Service, replica: str) -> str:
    """The name that a replica alone has on a network of containers, where all share the service's name."""
    number = replica.removeprefix(service.name).removeprefix(".").replace(".", "_")
    return f"{service.name}_{number or 1}"  # no dot: of a name with one, the world's servers would be asked


def replica_address(service: Service, replica: str, bindings: Bindings) -> tuple[str, int]:
    """The host and port at which other units reach one replica of a service."""
    if bindings.containers:
        return replica_alias(service, replica), service.port
    return bindings.host, replica_port(service, replica, bindings)


def listens(unit: Service | Component, bindings: Bindings) -> dict[str, int]:
    """The ports that the unit itself listens on where it runs."""
    return own_ports(unit) if bindings.containers else unit_ports(unit, bindings)


def seen_by_person(unit: Service | Component, bindings: Bindings) -> Address:
    """Where a person reaches the unit: on this machine, or where the gateway takes requests from others."""
    if takes_requests_of_others(unit, bindings) and bindings.public.strip("0.:"):  # else any address will do
        host = f"[{bindings.public}]" if ":" in bindings.public else bindings.public
        return host, unit_ports(unit, bindings)
    return bindings.host, unit_ports(unit, bindings)


def takes_requests_of_others(unit: Service | Component, bindings: Bindings) -> bool:
    """Whether a unit's port is published at the `public` address: that of a gateway in a container is."""
    return bool(bindings.containers and bindings.public and isinstance(unit, Component) and unit.config)


def seen_by_units(unit: Service | Component, bindings: Bindings) -> Address:
    """Where other units reach the unit."""
    if not bindings.containers:
        return seen_by_person(unit, bindings)
    by_gateway = bindings.through and isinstance(unit, Service)
    return (bindings.through if by_gateway else unit.name), own_ports(unit)


def seen_by_itself(unit: Service | Component, bindings: Bindings) -> Address:
    """Where the unit's own commands reach it."""
    return HOST, listens(unit, bindings)


def component_values(
    component: Component, bindings: Bindings, address: Address | None = None, **more: str
) -> dict[str, str]:
    """What `${...}` may name inside a component's blueprint; `more` adds paths and the consumer.

    `address` is where who asks reaches the component, by default where it reaches itself.
    """
    host, ports = address or seen_by_itself(component, bindings)
    values = {"name": component.name, "host": host, "environment": bindings.environment}
    values |= {f"ports.{name}": str(port) for name, port in ports.items()}
    values |= {f"credentials.{k}": v for k, v in _credentials(component, bindings).items()}
    return values | {f"secrets.{name}": bindings.secrets.get(name, "") for name in component.secrets} | more


def _credentials(component: Component, bindings: Bindings) -> dict[str, str]:
    chosen = bindings.credentials.get(component.name, {})
    return {
        name: chosen.get(name, "" if written in GENERATED else written)
        for name, written in component.credentials.items()
    }


def used_values(platform: Platform, component: Component, bindings: Bindings) -> dict[str, str]:
    """What `${...}` may name of the components and services that a component uses: `${db.host}`."""
    values: dict[str, str] = {}
    for use in component.uses:
        target = platform.resolve(use.service)
        if target is None:
            continue
        for name in {target.name, use.service}:
            values |= _peer_values(name, target, bindings)
            if isinstance(target, Component):
                found = _credentials(target, bindings).items()
                values |= {f"{name}.credentials.{key}": value for key, value in found}
    return values


def _peer_values(name: str, unit: Service | Component, bindings: Bindings) -> dict[str, str]:
    host, ports = seen_by_units(unit, bindings)
    values = {f"{name}.host": host, f"{name}.url": peer_url(unit, bindings)}
    values |= {f"{name}.public_url": unit_url(unit, bindings)}
    values |= {f"{name}.ports.{port}": str(number) for port, number in ports.items()}
    if ports:
        values[f"{name}.port"] = str(next(iter(ports.values())))
    return values


def unit_url(unit: Service | Component, bindings: Bindings) -> str:
    """The address that a person opens or connects to."""
    return _url(unit, bindings, seen_by_person(unit, bindings))


def peer_url(unit: Service | Component, bindings: Bindings) -> str:
    """The address under which other units call the unit."""
    return _url(unit, bindings, seen_by_units(unit, bindings))


def _url(unit: Service | Component, bindings: Bindings, address: Address) -> str:
    if isinstance(unit, Service):
        return f"http://{address[0]}:{address[1]['http']}"
    return resolve(unit.url, component_values(unit, bindings, address)) if unit.url else ""


def service_values(platform: Platform, bindings: Bindings) -> dict[str, str]:
    """What `${...}` may name inside a service's `env`: the platform, and each unit's address."""
    values = {"platform.name": platform.name, "environment.name": bindings.environment}
    for unit in platform.units:
        values |= _peer_values(unit.name, unit, bindings)
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
            address = _told(service, target, bindings)
            values = component_values(target, bindings, address, consumer=service.name)
            for name, text in target.provides.items():
                yield name, resolve(text, values)
        elif target is not None:
            yield url_variable(target.name), _url(target, bindings, _told(service, target, bindings))


def _told(user: Service, target: Service | Component, bindings: Bindings) -> Address:
    """Where a service is told that what it uses is."""
    return bindings.detours.get((user.name, target.name)) or seen_by_units(target, bindings)


def service_environment(
    platform: Platform, service: Service, bindings: Bindings, known: Values | None = None
) -> dict[str, str]:
    """Every variable of a service: the contract's own, its connections, its `env` and its secrets."""
    values = service_values(platform, bindings) if known is None else known
    environment = {
        "HOST": bindings.listen,
        "PORT": str(listens(service, bindings)["http"]),
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
