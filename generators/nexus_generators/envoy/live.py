"""The live part of the gateway: its files, the order to change them in, and what the data plane took."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_cli.blueprint.model import Platform
from nexus_generators.envoy.clusters import clusters
from nexus_generators.envoy.listener import (
    CLUSTERS,
    INSIDE_CONFIGURATION,
    INSIDE_ROUTES,
    LISTENERS,
    ROUTE_CONFIGURATION,
    ROUTES,
    inside_listeners,
)
from nexus_generators.envoy.routes import inside_configuration, route_configuration
from nexus_generators.envoy.settings import Endpoint, Files, GatewaySettings, Message, Side, Sides

CONFIG_DUMP = "/config_dump"
"""The admin interface's path whose answer `running` reads."""

CLUSTER_STATES = "/clusters?format=json"
"""The admin interface's path whose answer `healthy` reads."""


_FILES = frozenset({CLUSTERS, ROUTES, INSIDE_ROUTES, LISTENERS})


@dataclass(frozen=True, slots=True)
class Versions:
    """Which clusters and routes files or a data plane hold; `pending` clusters do not serve yet.

    `inside` and `listeners` are those of the services' own ports, where the gateway has any.
    """

    clusters: str
    routes: str
    pending: tuple[str, ...] = ()
    inside: str = ""
    listeners: str = ""


def routing(
    platform: Platform, endpoints: Mapping[str, Sequence[Endpoint]], settings: GatewaySettings
) -> Files:
    """Make what changes while the gateway runs: which replicas there are, and which routes lead there."""
    return split({name: [Side(name, replicas)] for name, replicas in endpoints.items()}, platform, settings)


def split(sides: Sides, platform: Platform, settings: GatewaySettings) -> Files:
    """As `routing`, where releases of a service stand beside each other and share its requests."""
    files = {
        CLUSTERS: _discovery_response(clusters(platform, sides, settings)),
        ROUTES: _discovery_response([route_configuration(platform, sides)]),
    }
    if settings.inside is not None:
        files[INSIDE_ROUTES] = _discovery_response([inside_configuration(settings.inside, sides)])
        files[LISTENERS] = _discovery_response(inside_listeners(settings))
    return files


def transition(old: Files, new: Files) -> tuple[Files, ...]:
    """Split the way from old to new routing into steps without a moment in which a route leads nowhere.

    New clusters come before the routes to them, these before their listeners, and old ones leave after.
    Each file is to be replaced by rename, and each step confirmed by the data plane before the next.
    """
    wanted = {cluster["name"]: cluster for cluster in _resources(new.get(CLUSTERS))}
    both = {cluster["name"]: cluster for cluster in _resources(old.get(CLUSTERS))} | wanted
    # In the order of `routing`: where nothing changes the text does not, and the step falls away.
    joined = _discovery_response([cluster for _, cluster in sorted(both.items())])
    routes = {path: new[path] for path in (ROUTES, INSIDE_ROUTES) if path in new}
    listeners = {LISTENERS: new[LISTENERS]} if LISTENERS in new else {}
    steps = ({CLUSTERS: joined}, routes, listeners, {CLUSTERS: new[CLUSTERS]})
    return tuple(_without_repeats(old, steps))


def versions(files: Files) -> Versions:
    """Say what a data plane holds that took these files wholly."""
    held = {path: json.loads(content) for path, content in files.items() if path in _FILES}
    listening = held.get(LISTENERS, {}).get("resources")  # without any, nobody asks for the routes behind
    return Versions(
        held[CLUSTERS]["version_info"],
        held[ROUTES]["version_info"],
        inside=held[INSIDE_ROUTES]["version_info"] if listening else "",
        listeners=held[LISTENERS]["version_info"] if listening else "",
    )


def running(config_dump: Mapping[str, Any]) -> Versions:
    """Read what a data plane holds from its `/config_dump`: `versions(files)` once it took them wholly."""
    parts: dict[str, Any] = {part["@type"].rsplit(".", 1)[-1]: part for part in config_dump["configs"]}
    held = parts.get("ClustersConfigDump", {})
    warming = held.get("dynamic_warming_clusters", [])
    routes = {
        route.get("route_config", {}).get("name", ""): route.get("version_info", "")
        for route in parts.get("RoutesConfigDump", {}).get("dynamic_route_configs", [])
    }
    # A data plane that never had a cluster does not note the version of the file that says so.
    never_any = not (warming or held.get("dynamic_active_clusters"))
    listeners = parts.get("ListenersConfigDump", {})
    listening = listeners.get("dynamic_listeners")
    return Versions(
        clusters=_version([]) if never_any else held.get("version_info", ""),
        routes=routes.get(ROUTE_CONFIGURATION, ""),
        pending=tuple(sorted(entry.get("cluster", {}).get("name", "") for entry in warming)),
        inside=routes.get(INSIDE_CONFIGURATION, "") if listening else "",
        listeners=listeners.get("version_info", "") if listening else "",
    )


def healthy(states: Mapping[str, Any]) -> dict[str, int]:
    """Read from `/clusters` how many replicas the clusters have whose replicas all get requests."""
    return {
        cluster["name"]: len(hosts)
        for cluster in states.get("cluster_statuses", ())
        if (hosts := cluster.get("host_statuses"))
        and all(host["health_status"] == {"eds_health_status": "HEALTHY"} for host in hosts)
    }


def _without_repeats(held: Files, steps: Sequence[Files]) -> Iterator[Files]:
    state = dict(held)
    for step in steps:
        changed = {path: content for path, content in step.items() if state.get(path) != content}
        if changed:
            state.update(changed)
            yield changed


def _resources(content: str | None) -> list[Message]:
    resources: list[Message] = json.loads(content)["resources"] if content else []
    return resources


def _discovery_response(resources: list[Message]) -> str:
    """Write a file that Envoy reads, with a version that comes from its content.

    Each resource is a line: the encoder that indents is written in Python, and ten times as slow.
    """
    lines = ",\n".join(json.dumps(resource) for resource in resources)
    return f'{{"version_info": "{_version(resources)}", "resources": [\n{lines}\n]}}\n'


def _version(resources: list[Message]) -> str:
    canonical = json.dumps(resources, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
