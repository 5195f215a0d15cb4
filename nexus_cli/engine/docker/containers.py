"""Units as containers: from a unit to what the engine is told, and from what it lists to what is observed."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from nexus_cli.engine.docker.client import NotFound, translated
from nexus_cli.engine.docker.ways import Ways
from nexus_cli.unit import HOST, Container, Observed, State, Stored, Unit
from nexus_cli.workspace import private_folder

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_PREFIX = "dev.nexus."
PROJECT, UNIT, KIND, FINGERPRINT = (f"{_PREFIX}{name}" for name in ("project", "unit", "kind", "fingerprint"))
PLATFORM, ENVIRONMENT = (f"{_PREFIX}{name}" for name in ("platform", "environment"))
ONCE = f"{_PREFIX}once"
PORTS, URL, NEEDS, GRACE = (f"{_PREFIX}{name}" for name in ("ports", "url", "needs", "grace"))
CRASH_LIMIT = 3

_STATES = {
    "running": State.RUNNING,
    "paused": State.PAUSED,
    "restarting": State.BACKOFF,
    "removing": State.STOPPING,
    "created": State.EXITED,
    "exited": State.EXITED,
    "dead": State.EXITED,
}
_UP = re.compile(r"Up (?:Less than a second|(\d+) seconds?)")
_SETTLED = 3.0  # seconds between the creation of a container and its first start, at most
_EXIT = re.compile(r"\((\d+)\)")
_RESTART = {"always": "unless-stopped", "on-failure": "on-failure", "no": "no"}
_LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}


Way = Callable[[str, int], int]
"""From an address and a port on the project's network to a port of this machine that leads there."""
Ending = Callable[[str], tuple[int, str]]
"""From a container's ID to how often it was restarted, and why it ended."""


@dataclass(frozen=True, slots=True)
class Project:
    """The name of all that is ours on an engine, and of what platform and environment it is."""

    name: str
    platform: str
    environment: str

    @property
    def labels(self) -> dict[str, str]:
        """What is written on everything that is ours."""
        return {PROJECT: self.name, PLATFORM: self.platform, ENVIRONMENT: self.environment}


def labels(project: Project, unit: Unit) -> dict[str, str]:
    """What is written on a unit's container, so that one listing tells it all."""
    return {
        **project.labels,
        UNIT: unit.name,
        KIND: unit.kind,
        FINGERPRINT: unit.fingerprint,
        PORTS: json.dumps(dict(unit.ports)),
        URL: unit.url,
        NEEDS: ",".join(unit.needs),
        GRACE: f"{unit.stop_seconds:g}",
    }


class Ready:
    """Which containers have answered their probe: an empty file for each, by its ID."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "ready"
        try:
            self.known = {path.name for path in self.folder.iterdir()}
        except FileNotFoundError:
            self.known = set()

    def __contains__(self, container: str) -> bool:
        return container in self.known

    def mark(self, container: str) -> None:
        """Remember a container."""
        private_folder(self.folder)
        (self.folder / container).touch(mode=0o600)

    def forget(self, container: str | None = None) -> None:
        """Forget a container, or all."""
        for name in self.known if container is None else {container}:
            (self.folder / name).unlink(missing_ok=True)


def create(client: DockerClient, name: str, unit: Unit, project: Project) -> str:
    """Create a unit's container on the project's network, not started; returns its ID."""
    api: Any = client.api
    created = api.create_container_from_config(_configuration(unit, project), name)
    return str(created["Id"])


def create_once(
    client: DockerClient, project: Project, unit: Unit, command: Sequence[str], terminal: bool
) -> str:
    """Create a container like a unit's for one command on a terminal: no port, no name that others know."""
    api: Any = client.api
    own = _configuration(unit, project)
    host = {**own["HostConfig"], "PortBindings": {}, "RestartPolicy": {"Name": "no"}}
    configuration = {
        **own,
        **({"Entrypoint": list(command[:1]), "Cmd": list(command[1:])} if command else {}),
        "Labels": {**project.labels, ONCE: unit.name},
        "Hostname": "",  # else the unit's name would mean this container here
        "Tty": terminal,
        **dict.fromkeys(("OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"), True),
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {project.name: {}}},
    }
    created = api.create_container_from_config(configuration, f"{project.name}-{unit.name}-{token_hex(4)}")
    return str(created["Id"])


def _configuration(unit: Unit, project: Project) -> dict[str, Any]:
    """What the engine's API is told; keys that are left out are the image's own."""
    container = unit.runtime
    assert isinstance(container, Container)  # noqa: S101 - the engine has looked
    own = {
        "Cmd": list(unit.command),
        "Entrypoint": list(container.entrypoint),
        "User": container.user,
        "WorkingDir": container.workdir,
        "StopSignal": unit.stop_signal,
    }
    return {
        **{key: value for key, value in own.items() if value},
        "Image": container.image,
        "Env": [f"{key}={value}" for key, value in unit.env.items()],
        "Labels": {**container.labels, **labels(project, unit)},
        # of `db.order` the engine would make a second `db`
        "Hostname": container.hostname or unit.name.replace(".", "-"),
        "ExposedPorts": {f"{port}/tcp": {} for port in container.listens.values()},
        "Volumes": {container.files: {}} if container.files else {},
        "Tty": container.tty,
        "OpenStdin": container.stdin_open or unit.input is not None,
        "StdinOnce": unit.input is not None,
        "HostConfig": _host_configuration(unit, container, project.name),
        "NetworkingConfig": {
            "EndpointsConfig": {project.name: {"Aliases": [*dict.fromkeys((unit.name, *container.aliases))]}}
        },
    }


def _host_configuration(unit: Unit, container: Container, project: str) -> dict[str, Any]:
    volumes = [
        {
            "Type": "volume",
            "Source": volume_name(project, unit.name, volume),
            "Target": path,
            "ReadOnly": volume.read_only,
        }
        for path, volume in container.volumes.items()
    ]
    binds = [
        {"Type": "bind", "Source": str(bind.source), "Target": path, "ReadOnly": not bind.write}
        for path, bind in container.binds.items()
    ]
    return {
        "NetworkMode": project,
        "Mounts": volumes + binds,
        "PortBindings": _port_bindings(unit, container),
        "RestartPolicy": {"Name": "no" if unit.kind == "job" else _RESTART[container.restart]},
        "ReadonlyRootfs": container.read_only,
        "Tmpfs": dict(_tmpfs(entry) for entry in container.tmpfs),
        "CapDrop": ["ALL"] if container.closed else list(container.cap_drop),
        "CapAdd": list(container.capabilities),
        "SecurityOpt": ["no-new-privileges"] if container.closed else list(container.security_opt),
        "Privileged": container.privileged,
        "GroupAdd": list(container.group_add),
        "Devices": [_device(device) for device in container.devices],
        "Sysctls": dict(container.sysctls),
        "Ulimits": [
            {"Name": name, "Soft": soft, "Hard": hard} for name, (soft, hard) in container.ulimits.items()
        ],
        "ShmSize": container.shm_size or 0,
        "ExtraHosts": list(container.extra_hosts),
        "NanoCpus": round((container.cpu or 0) * 1e9),
        "Memory": container.memory or 0,
        "Init": container.init,
        "LogConfig": {"Type": "json-file", "Config": _LOG_OPTIONS},
    }


def _port_bindings(unit: Unit, container: Container) -> dict[str, list[dict[str, str]]]:
    """By port inside: where on this machine it is reached, at one port or several."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for name, port in container.listens.items():
        if name in unit.ports:
            at = {"HostIp": container.public.get(name, HOST), "HostPort": str(unit.ports[name])}
            bindings.setdefault(f"{port}/tcp", []).append(at)
    return bindings


def _tmpfs(written: str) -> tuple[str, str]:
    """A folder in memory and its options, from `path` or `path:size=16m,mode=1777`."""
    path, _, options = written.partition(":")
    return path, options


def _device(written: str) -> dict[str, str]:
    """A device from `host`, `host:inside` or `host:inside:rights`."""
    host, _, rest = written.partition(":")
    inside, _, rights = rest.partition(":")
    return {
        "PathOnHost": host,
        "PathInContainer": inside or host,
        "CgroupPermissions": rights or "rwm",
    }


def volume_name(project: str, unit: str, volume: Stored) -> str:
    """What the engine calls a unit's volume; the underline keeps a shared one apart from every unit's own."""
    return f"{project}_{volume.name}" if volume.shared else f"{project}-{unit}-{volume.name}"


def disk(volume: Stored) -> dict[str, str] | None:
    """What the engine is told to make of a volume that is a disk of its own."""
    if volume.size is None:
        return None
    return {"type": "tmpfs", "device": "tmpfs", "o": f"size={volume.size}"}


def observed(found: Mapping[str, Any], ready: Ready, ending: Ending, way: Way, *, far: bool) -> Observed:
    """A listed container as an observed unit; asks for the `ending` only of one that ended badly.

    `far`: the engine is on another machine, or may be. `way` leads to what is not reached from here.
    """
    labels, state = found["Labels"], _STATES.get(found["State"], State.EXITED)
    exit_code = _exit_code(found)
    restarts, reason = 0, ""
    if state is State.BACKOFF or (state is State.EXITED and exit_code) or _restarted(found):
        restarts, reason = ending(found["Id"])
        if state is State.BACKOFF and restarts >= CRASH_LIMIT:
            state = State.CRASHED
    if found["State"] == "created":
        reason = "was created but never started"
    return Observed(
        name=labels[UNIT],
        kind=labels.get(KIND, "service"),
        fingerprint=labels.get(FINGERPRINT, ""),
        state=state,
        since=float(found["Created"]),
        restarts=restarts,
        exit_code=exit_code,
        ports=json.loads(labels.get(PORTS, "{}")),
        ready=found["Id"] in ready and state is State.RUNNING,
        url=labels.get(URL, ""),
        needs=tuple(name for name in labels.get(NEEDS, "").split(",") if name),
        address=_address(found, far=far),
        published=_ways(found, way, far=far),
        far=far,
        reason=reason,
        container=found["Id"][:12],
    )


def _restarted(found: Mapping[str, Any]) -> bool:
    """Whether a container that runs has not run for as long as it is there: the engine started it again."""
    up = _UP.match(found.get("Status", "")) if found["State"] == "running" else None
    return up is not None and time.time() - float(found["Created"]) - int(up[1] or 0) > _SETTLED


def _ways(found: Mapping[str, Any], way: Way, *, far: bool) -> Ways:
    """How its ports are reached: as they are published, unless that is on another machine."""
    ports = [port for port in found.get("Ports", ()) if port.get("Type", "tcp") == "tcp"]
    published = {p["PrivatePort"]: (HOST, p["PublicPort"]) for p in ports if p.get("PublicPort") and not far}
    own = next((network["IPAddress"] for network in _networks(found) if network["IPAddress"]), "")
    return Ways(published, (port["PrivatePort"] for port in ports if own), partial(way, own))


def _address(found: Mapping[str, Any], *, far: bool) -> str:
    """The container's own address, if its network is one of this machine's."""
    ours = _has_bridge if far else _has_gateway
    near = (network["IPAddress"] for network in _networks(found) if ours(network))
    return next((address for address in near if address), "")


def _networks(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(found.get("NetworkSettings", {}).get("Networks", {}).values())


def grace(found: Mapping[str, Any]) -> int:
    """The seconds that a container has between the signal and its end."""
    return max(1, round(float(found["Labels"].get(GRACE, "10"))))


def _has_bridge(network: Mapping[str, Any]) -> bool:
    """Whether a network's own bridge is an interface here; addresses are the same on many machines."""
    return f"br-{network['NetworkID'][:12]}" in {name for _, name in socket.if_nameindex()}


def _has_gateway(network: Mapping[str, Any]) -> bool:
    """Whether the address of a network's gateway is one of this machine's."""
    gateway = network.get("Gateway", "")
    if not gateway:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((gateway, 0))
        except OSError:
            return False
    return True


def _exit_code(found: Mapping[str, Any]) -> int | None:
    if found["State"] not in {"exited", "dead", "restarting"}:
        return None
    match = _EXIT.search(found.get("Status", ""))
    return int(match[1]) if match else None


def ending(client: DockerClient, container: str) -> tuple[int, str]:
    """How often a container was restarted, and why it ended."""
    with contextlib.suppress(NotFound), translated():
        found = client.api.inspect_container(container)
        state, limit = found["State"], found["HostConfig"].get("Memory") or 0
        reason = state.get("Error") or ""
        if state.get("OOMKilled"):
            reason = "killed: out of memory" + (f" (limit {limit >> 20} MiB)" if limit else "")
        return int(found.get("RestartCount", 0)), reason
    return 0, ""
