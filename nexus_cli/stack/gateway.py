"""The gateway's configuration: from the services' replicas to the files that its data plane reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.blueprint.bind import Bindings, listens, replica_address, replicas, seen_by_units
from nexus_cli.blueprint.load import BlueprintFault
from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.blueprint.source import Finding
from nexus_cli.stack.forms import FILES, Layout
from nexus_cli.unit import File

if TYPE_CHECKING:
    from nexus_generators import envoy


def configuration(platform: Platform, bindings: Bindings, layout: Layout) -> dict[str, dict[str, File]]:
    """Generated configuration files of components, by component and path."""
    return {
        component.name: gateway_files(
            platform, bindings, layout, component, _sides(platform, bindings, component.name)
        )
        for component in platform.components.values()
        if component.config == "envoy"
    }


def gateway_files(
    platform: Platform, bindings: Bindings, layout: Layout, gateway: Component, sides: envoy.Sides
) -> dict[str, File]:
    """A gateway's files by path; those that it follows while it runs are live.

    Where units reach services through it, it listens on a port of each of them too.
    """
    from nexus_generators import envoy

    ports = listens(gateway, bindings)
    inside = None
    if bindings.through == gateway.name:
        inside = {name: seen_by_units(s, bindings)[1]["http"] for name, s in platform.services.items()}
    settings = envoy.GatewaySettings(
        http_port=ports["http"],
        admin_port=ports["admin"],
        folder=FILES if bindings.containers else str(layout.files(gateway.name)),
        address=bindings.listen,
        admin_address=bindings.listen,
        # Where releases come and go the gateway stays: what it begins with depends on none of them.
        jwks=_jwks(platform, layout.state / "keys", always=bool(bindings.through)),
        gateway=platform.spec.gateway,
        inside=inside,
    )
    static = {path: File(content) for path, content in envoy.bootstrap(settings).items()}
    live = {path: File(text, live=True) for path, text in envoy.split(sides, platform, settings).items()}
    return static | live


def _endpoint(gateway: str, service: Service, replica: str, bindings: Bindings) -> tuple[str, int]:
    """Where a gateway is told that a replica is."""
    detour = bindings.detours.get((gateway, replica))
    return (detour[0], detour[1]["http"]) if detour else replica_address(service, replica, bindings)


def _sides(platform: Platform, bindings: Bindings, gateway: str) -> envoy.Sides:
    """Each service with routes as one side, which all its replicas are of."""
    from nexus_generators import envoy

    return {
        service.name: [
            envoy.Side(
                service.name,
                [
                    envoy.Endpoint(*_endpoint(gateway, service, replica, bindings))
                    for replica in replicas(service, bindings)
                ],
            )
        ]
        for service in platform.services.values()
        if service.routes
    }


def _jwks(platform: Platform, folder: Path, *, always: bool) -> str:
    """The public keys that the gateway accepts tokens of; not `always`: none when no route asks for any."""
    from nexus_cli.tokens import DevelopmentKeys

    asked = any(route.auth == "jwt" for service in platform.services.values() for route in service.routes)
    if not (asked or always):
        return ""
    written = platform.spec.gateway.jwt.jwks
    if written is None:
        return DevelopmentKeys(folder).public_jwks()
    text = _read(platform.root / written)
    if text is None:
        where = platform.sources["platform", platform.name].at(["gateway", "jwt", "jwks"])
        raise BlueprintFault([Finding("jwks", "error", f'there is no file "{written}"', where)])
    return text


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
