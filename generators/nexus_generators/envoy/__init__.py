"""The gateway: Envoy configuration from the routes of a platform's services.

`bootstrap` is read once, `routing` is followed while Envoy runs. All files have to be there before it starts.
"""

from nexus_generators.envoy.listener import BOOTSTRAP, CLUSTERS, READY, ROUTES, bootstrap, command
from nexus_generators.envoy.live import (
    CLUSTER_STATES,
    CONFIG_DUMP,
    Versions,
    healthy,
    routing,
    running,
    split,
    transition,
    versions,
)
from nexus_generators.envoy.settings import Endpoint, Files, GatewaySettings, Side, Sides
from nexus_generators.envoy.stats import Counted, counted, stats_path

__all__ = [
    "BOOTSTRAP",
    "CLUSTERS",
    "CLUSTER_STATES",
    "CONFIG_DUMP",
    "READY",
    "ROUTES",
    "Counted",
    "Endpoint",
    "Files",
    "GatewaySettings",
    "Side",
    "Sides",
    "Versions",
    "bootstrap",
    "command",
    "counted",
    "healthy",
    "routing",
    "running",
    "split",
    "stats_path",
    "transition",
    "versions",
]
