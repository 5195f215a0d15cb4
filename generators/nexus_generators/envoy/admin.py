"""The admin interface where others are on the same network: they may look, and change nothing.

Envoy's own interface lets whoever reaches it stop the gateway. In a container it listens on a socket that
only the container has; a listener beside it hands on what reads: whether it is ready, its state and counters.
"""

from __future__ import annotations

from nexus_generators.envoy.settings import GatewaySettings, Message, extension

READS = "@nexus-admin-{port}"
_CLUSTER = "admin interface"  # which no service is called, for its blank
_PATHS = ("/ready", "/stats", "/stats/prometheus", "/clusters", "/config_dump", "/server_info")


def reads(settings: GatewaySettings) -> Message:
    """Make the listener that hands on GET requests for what tells and does nothing."""
    get = {"name": ":method", "string_match": {"exact": "GET"}}
    return {
        "name": _CLUSTER,
        "address": {
            "socket_address": {"address": settings.admin_address, "port_value": settings.admin_port},
        },
        # Who looks for the cause of too many connections must still get in.
        "ignore_global_conn_limit": True,
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [
            {
                "filters": [
                    extension(
                        "envoy.filters.network.http_connection_manager",
                        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        stat_prefix="admin_reads",
                        codec_type="HTTP1",
                        route_config={
                            "name": _CLUSTER,
                            "virtual_hosts": [
                                {
                                    "name": _CLUSTER,
                                    "domains": ["*"],
                                    "routes": [
                                        {
                                            "match": {"path": path, "headers": [get]},
                                            "route": {"cluster": _CLUSTER},
                                        }
                                        for path in _PATHS
                                    ],
                                }
                            ],
                        },
                        http_filters=[
                            extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")
                        ],
                        server_header_transformation="PASS_THROUGH",
                    )
                ]
            }
        ],
    }


def reads_cluster(settings: GatewaySettings) -> Message:
    """Make the cluster whose only member is the admin interface of this Envoy itself."""
    address = {"pipe": {"path": READS.format(port=settings.admin_port)}}
    return {
        "name": _CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": _CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
