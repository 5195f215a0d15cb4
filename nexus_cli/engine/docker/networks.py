"""The network that a platform's containers share: made, and taken away once nothing is on it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from nexus_cli.engine.docker.client import NotFound, translated
from nexus_cli.engine.docker.containers import PROJECT, Project
from nexus_cli.errors import NexusError

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_LEAVING, _LOOK = 15.0, 0.1  # seconds


def ensure(client: DockerClient, project: Project) -> None:
    """Create the project's network unless it is there; another's of the same name is a fault."""
    with translated():
        there = client.api.networks(names=[project.name])
        same = [network for network in there if network["Name"] == project.name]
        if not same:
            client.api.create_network(project.name, driver="bridge", labels=project.labels)
        elif (same[0].get("Labels") or {}).get(PROJECT) != project.name:
            raise NexusError(
                f"there is a network named {project.name} that is not this platform's",
                hint=f"remove it with `docker network rm {project.name}`",
            )


def remove(client: DockerClient, label: str) -> None:
    """Remove the networks with a label, as soon as the engine has taken off them what it lists no more."""
    deadline = time.monotonic() + _LEAVING
    with translated():
        left = client.api.networks(filters={"label": label})
    for network in left:
        while not _removed(client, network["Id"]):
            if time.monotonic() > deadline:
                raise _stuck(network["Name"])
            time.sleep(_LOOK)


def _removed(client: DockerClient, network: str) -> bool:
    try:
        with contextlib.suppress(NotFound), translated():
            client.api.remove_network(network)
    except NexusError as fault:
        if "active endpoints" in fault.message:
            return False
        raise
    return True


def _stuck(name: str) -> NexusError:
    """The fault that something is on a network, or that the engine has lost count of what is: some do."""
    return NexusError(
        f"the rest is gone, but the engine keeps the network {name}: it says that something is on it",
        hint=f"`docker network inspect {name}` says what; if nothing, the engine has lost count: `nexus up` "
        "uses the network again, and `nexus down` removes it after the engine's next start",
    )
