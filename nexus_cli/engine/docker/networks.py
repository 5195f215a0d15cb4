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


def remove(client: DockerClient, label: str) -> list[str]:
    """Remove the networks with a label, as soon as the engine has taken off them what it lists no more.

    The names of those that the engine keeps although nothing is on them: some lose count of what comes and
    goes, and find it again when they are started anew. One that something is on is a fault.
    """
    deadline = time.monotonic() + _LEAVING
    with translated():
        left = client.api.networks(filters={"label": label})
    kept = []
    for network in left:
        while not _removed(client, network["Id"]):
            if time.monotonic() > deadline:
                _refuse_guests(client, network["Id"])
                kept.append(str(network["Name"]))
                break
            time.sleep(_LOOK)
    return kept


def _removed(client: DockerClient, network: str) -> bool:
    try:
        with contextlib.suppress(NotFound), translated():
            client.api.remove_network(network)
    except NexusError as fault:
        if "active endpoints" in fault.message:
            return False
        raise
    return True


def _refuse_guests(client: DockerClient, network: str) -> None:
    with translated():
        seen = client.api.inspect_network(network)
    guests = sorted(str(guest["Name"]) for guest in (seen["Containers"] or {}).values())
    if guests:
        raise NexusError(
            f"all that is the platform's is down, but {', '.join(guests)} is on its network {seen['Name']}",
            hint=f"`docker network disconnect {seen['Name']} {guests[0]}`, then `nexus down` again",
        )
