"""The live part of the gateway: its files, the order to change them in, and what the data plane took."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_cli.blueprint.model import Platform
from nexus_generators.envoy.clusters import clusters
from nexus_generators.envoy.listener import CLUSTERS, ROUTES
from nexus_generators.envoy.routes import route_configuration
from nexus_generators.envoy.settings import Endpoint, Files, GatewaySettings, Message

CONFIG_DUMP = "/config_dump"
"""The admin interface's path whose answer `running` reads."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Which clusters and routes files or a data plane hold; `pending` clusters do not serve yet."""

    clusters: str
    routes: str
    pending: tuple[str, ...] = ()


def routing(
    platform: Platform, endpoints: Mapping[str, Sequence[Endpoint]], settings: GatewaySettings
) -> Files:
    """Make what changes while the gateway runs: which replicas there are, and which routes lead there."""
    return {
        CLUSTERS: _discovery_response(clusters(platform, endpoints, settings)),
        ROUTES: _discovery_response([route_configuration(platform)]),
    }


def transition(old: Files, new: Files) -> tuple[Files, ...]:
    """Split the way from old to new routing into steps without a moment in which a route leads nowhere.

    New clusters come before the routes to them, and old ones leave after. Each file is to be replaced by
    rename, and each step confirmed by the data plane before the next.
    """
    wanted = _resources(new[CLUSTERS])
    kept = {cluster["name"] for cluster in wanted}
    leaving = [c for c in _resources(old.get(CLUSTERS)) if c["name"] not in kept]
    both = _discovery_response([*wanted, *leaving]) if leaving else new[CLUSTERS]
    steps = ({CLUSTERS: both}, {ROUTES: new[ROUTES]}, {CLUSTERS: new[CLUSTERS]})
    return tuple(_without_repeats(old, steps))


def versions(files: Files) -> Versions:
    """Say what a data plane holds that took these files wholly."""
    return Versions(
        clusters=json.loads(files[CLUSTERS])["version_info"], routes=json.loads(files[ROUTES])["version_info"]
    )


def running(config_dump: Mapping[str, Any]) -> Versions:
    """Read what a data plane holds from its `/config_dump`: `versions(files)` once it took them wholly."""
    held: dict[str, Any] = {part["@type"].rsplit(".", 1)[-1]: part for part in config_dump["configs"]}
    cluster_part = held.get("ClustersConfigDump", {})
    route_part = held.get("RoutesConfigDump", {}).get("dynamic_route_configs", [])
    warming = (
        entry.get("cluster", {}).get("name", "") for entry in cluster_part.get("dynamic_warming_clusters", [])
    )
    return Versions(
        clusters=cluster_part.get("version_info", ""),
        routes=next((entry.get("version_info", "") for entry in route_part), ""),
        pending=tuple(sorted(warming)),
    )


def _without_repeats(held: Files, steps: Sequence[Files]) -> Iterator[Files]:
    state = dict(held)
    for step in steps:
        if any(state.get(path) != content for path, content in step.items()):
            state.update(step)
            yield step


def _resources(content: str | None) -> list[Message]:
    resources: list[Message] = json.loads(content)["resources"] if content else []
    return resources


def _discovery_response(resources: list[Message]) -> str:
    """Write a file that Envoy reads, with a version that comes from its content."""
    canonical = json.dumps(resources, sort_keys=True, separators=(",", ":"))
    version = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return json.dumps({"version_info": version, "resources": resources}, indent=2) + "\n"
