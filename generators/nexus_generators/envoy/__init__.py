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
    transition,
    versions,
)
from nexus_generators.envoy.settings import Endpoint, Files, GatewaySettings

__all__ = [
    "BOOTSTRAP",
    "CLUSTERS",
    "CLUSTER_STATES",
    "CONFIG_DUMP",
    "READY",
    "ROUTES",
    "Endpoint",
    "Files",
    "GatewaySettings",
    "Versions",
    "bootstrap",
    "command",
    "healthy",
    "routing",
    "running",
    "transition",
    "versions",
]
