"""The Docker engine: each unit is a container on the platform's own network, known by its labels."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli.blueprint.images import BASE_IMAGES
from nexus_cli.engine.docker import containers, images, logs, networks, sessions
from nexus_cli.engine.docker.client import (
    Conflict,
    NotFound,
    address,
    connect,
    far,
    lean,
    listed,
    listed_by,
    translated,
)
from nexus_cli.engine.docker.context import archive, pack
from nexus_cli.engine.docker.turns import STARTS, Turns
from nexus_cli.engine.engine import Progress
from nexus_cli.engine.files import write_files
from nexus_cli.errors import NexusError
from nexus_cli.identity import port_holder
from nexus_cli.unit import Container, LogLine, Observed, Origin, Stored, Unit

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient
    from nexus_cli.engine.docker.relay import Relay

BUILDS = 4
_NEXT = ".next"
_GOING = 10
_BRINGING = 1800  # seconds without a word: an engine says nothing while it unpacks
_HELD = re.compile(r":(\d+)(?:: bind: address already in use| failed: port is already allocated)")


class DockerEngine:
    """Runs units as containers; `state` is the environment's folder, `project` the name of all that is ours.

    `label` is platform/environment; `where` is the engine's address, by default what DOCKER_HOST or the
    chosen context says. `relay` is the image of what leads to containers that are not reached from here.
    """

    name = "docker"

    def __init__(
        self,
        state: Path,
        project: str,
        *,
        label: str = "",
        where: str | None = None,
        relay: str = BASE_IMAGES["python"],
    ) -> None:
        platform, _, environment = label.partition("/")
        self.state = state.absolute()
        self.project = project
        self._ours = containers.Project(project, platform, environment)
        self.where = where or address()
        self._label = f"{containers.PROJECT}={project}"
        self._ids: dict[str, str] = {}  # of the units' containers, as they were last seen
        self._network = threading.Lock()
        self._network_there = False
        self._building = threading.Semaphore(BUILDS)
        self._turns = Turns()
        self._relay_image = relay
        self._relay: Relay | None = None
        self._relaying = threading.Lock()
        self._bringing = threading.Lock()

    @functools.cached_property
    def client(self) -> DockerClient:
        """The connection, made when it is first needed."""
        return lean(self.where)

    @functools.cached_property
    def far(self) -> bool:
        """Whether the engine is on another machine, or may be."""
        return far(self.where)

    def prepare(self, unit: Unit, progress: Progress) -> None:
        """Build the unit's image, or pull it, or bring it from the engine that has it."""
        container = _container(unit)
        if container.origin is not None:
            self._bring(container.origin, progress)
        elif container.build is None:
            if not images.is_present(container.image, images.present(self.client)):
                images.pull(self.client, container.image, progress)
        else:
            with self._building:
                images.build_image(
                    self.client,
                    archive(container.build),
                    container.image,
                    dockerfile=container.build.dockerfile,
                    target=container.build.target,
                    args=dict(container.build.args),
                    labels=self._image_labels(container.image),
                    progress=progress,
                )
        self.__dict__.pop("_images", None)

    def _bring(self, origin: Origin, progress: Progress) -> None:
        """Bring all that is wanted from there at once: what images share is sent but once."""
        with self._bringing:
            there = images.present(self.client)
            names = {image: name for image, name in origin.images if image not in there}
            if names:
                source, target = (connect(at, timeout=_BRINGING) for at in (origin.where, self.where))
                try:
                    images.copy(source, target, names, progress)
                finally:
                    source.close()
                    target.close()

    def forget_images(
        self, unneeded: Mapping[str, Collection[str]], *, dry_run: bool = False
    ) -> Sequence[str]:
        """Remove the platform's names of images that nobody needs any more, and so the images."""
        ours = {
            identity: {f"{self._ours.platform}-{service}" for service in services}
            for identity, services in unneeded.items()
        }
        names = images.named(self.client, ours)
        return names if dry_run else images.remove(self.client, names)

    def identity(self, unit: Unit) -> str:
        """The digest of the unit's image, which stays when its name goes to another one."""
        with translated(self.where):
            api: Any = self.client.api
            return str(api.inspect_image(_container(unit).image)["Id"])

    def prepared(self, unit: Unit) -> bool:
        """Whether the engine has the unit's image."""
        return images.is_present(_container(unit).image, self._images)

    def _image_labels(self, image: str) -> Mapping[str, str]:
        """An image of this environment alone goes with it; one of a release may be needed by others."""
        return self._ours.labels if image.startswith(f"{self.project}-") else {}

    @functools.cached_property
    def _images(self) -> frozenset[str]:
        return images.present(self.client)

    def observe(self) -> Sequence[Observed]:
        """Every unit of this platform, in one call."""
        ready = containers.Ready(self.state)
        listed = self._list()
        self._ids = {found["Labels"][containers.UNIT]: found["Id"] for found in listed}
        return [containers.observed(found, ready, self._ending, self._way, far=self.far) for found in listed]

    def start(self, unit: Unit) -> None:
        """Create and start the unit's container; one that is there is stopped and replaced."""
        self._remove(unit.name)
        write_files(self.state, unit)
        self._ensure_network()
        container = _container(unit)
        for volume in container.volumes.values():
            self._ensure_volume(unit, volume)
        _make_folders(container)
        with self._turns.start(), translated(self.where):
            created = self._ids[unit.name] = self._create(unit)
            self._add_files(created, unit)
            try:
                with translated(self.where):
                    self._begin(created, unit.input)
            except NexusError as fault:
                raise _port_held(unit, fault, here=not self.far) from fault

    def _add_files(self, container: str, unit: Unit) -> None:
        folder = _container(unit).files
        if folder:
            files = ((name, file.content) for name, file in unit.files.items())
            self.client.api.put_archive(container, folder, pack(files))

    def _begin(self, container: str, text: str | None) -> None:
        if text is None:
            self.client.api.start(container)
        else:
            sessions.start_with_input(self.client, container, text)

    def configure(self, unit: Unit, *, whole: bool = False) -> None:
        """Replace those live files that differ, or all, each by a rename inside the container."""
        written = write_files(self.state, unit, live_only=not whole)
        folder, container = _container(unit).files, self._id(unit.name)
        if not written or not folder:
            return
        with translated(self.where):
            packed = pack((f"{_NEXT}/{name}", unit.files[name].content) for name in written)
            self.client.api.put_archive(container, folder, packed)
            for name in written:
                move = ["mv", "-f", f"{folder}/{_NEXT}/{name}", f"{folder}/{name}"]
                code, said = sessions.run(self.client, container, move, user="0")
                if code:
                    raise NexusError(f"{unit.name}: cannot replace {folder}/{name}: {said}")

    def stop(self, name: str) -> None:
        """Stop a unit's container with its own grace, keep its log, and remove it."""
        self._remove(name)

    def kill(self, name: str) -> None:
        """Kill the unit's container and start it again: what a person kills, the engine leaves to them."""
        with translated(self.where):
            self.client.api.kill(self._id(name))
            self.client.api.wait(self._id(name))
            self.client.api.start(self._id(name))

    def pause(self, name: str) -> None:
        """Freeze the unit's container."""
        with translated(self.where):
            self.client.api.pause(self._id(name))

    def resume(self, name: str) -> None:
        """Let the unit's container go on."""
        id_ = self._id(name)
        with translated(self.where):
            if any(found["State"] == "paused" for found in self._list(name)):
                self.client.api.unpause(id_)

    def mark_ready(self, name: str) -> None:
        """Record that the unit's probe answered."""
        containers.Ready(self.state).mark(self._id(name))

    def give_up(self, name: str) -> None:
        """Have the engine start a crashed unit no more; its log and exit code stay."""
        with contextlib.suppress(NotFound), translated(self.where):
            self.client.api.stop(self._id(name), timeout=1)

    def probe_command(self, unit: Unit, command: Sequence[str]) -> tuple[int, str]:
        """Run a health command in the unit's container."""
        with translated(self.where), self._turns.command():
            code, said = sessions.run(self.client, self._id(unit.name), command)
        return code, said.strip().rpartition("\n")[2]

    def logs(
        self,
        names: Sequence[str],
        *,
        since: float | None = None,
        tail: int | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Lines of the named units in time order, those of containers that are gone included."""
        folder = self.state / "logs"
        past = list(logs.read(self.client, folder, names, lambda: self._named(names), since))
        last = past[-1].time if past else (since or 0.0)
        yield from past if tail is None else past[max(0, len(past) - tail) :]
        if follow:
            yield from logs.follow(self.client, lambda: self._named(names), last)

    def execute(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command in the unit's container on this terminal."""
        with translated(self.where):
            return sessions.interactive(self.client, self._id(unit.name), command)

    def run_once(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command on this terminal in a container of its own, which is removed when it ends."""
        for name in _container(unit).volumes.values():
            self._ensure_volume(unit, name)
        self._ensure_network()
        with translated(self.where):
            created = containers.create_once(self.client, self._ours, unit, command, sessions.on_terminal())
            try:
                self._add_files(created, unit)
                return sessions.attended(self.client, created)
            finally:
                with contextlib.suppress(NotFound), translated():
                    self.client.api.remove_container(created, v=True, force=True)

    def shutdown(self, *, volumes: bool = False) -> Sequence[str]:
        """Remove whatever is left of the project; with `volumes`, stored data and images too."""
        left = [found["Labels"][containers.UNIT] for found in self._list()]
        with ThreadPoolExecutor(STARTS) as pool:  # each job of forty services has left a container
            list(pool.map(self._remove, left))
        for found in self._listed(containers.ONCE):
            self._remove_at_once(found["Id"])
        if volumes:
            self._remove_stored()
        with translated(self.where):
            kept = networks.remove(self.client, self._label)
        self._network_there = False
        containers.Ready(self.state).forget()
        self._relay = None
        if "client" in self.__dict__:
            self.__dict__.pop("client").close()
        return [f"the network {name}, of which the engine says that something is on it" for name in kept]

    def _remove_stored(self) -> None:
        with translated(self.where):
            for volume in self.client.api.volumes(filters={"label": self._label})["Volumes"] or ():
                self._remove_volume(volume["Name"])
            images.remove_labelled(self.client, self._label)

    def _list(self, unit: str = "") -> list[dict[str, Any]]:
        """The project's containers, or one unit's; not those that a build of ours has for its steps."""
        return self._listed(f"{containers.UNIT}={unit}" if unit else containers.UNIT)

    def _remove_at_once(self, container: str) -> None:
        """Remove a container that nobody waits for; it is gone then, also if it was going already."""
        with contextlib.suppress(NotFound), translated(self.where):
            try:
                with translated(self.where):
                    self.client.api.remove_container(container, v=True, force=True)
            except Conflict:
                self.client.api.wait(container, timeout=_GOING, condition="removed")

    def _listed(self, label: str) -> list[dict[str, Any]]:
        labels = [self._label, label]
        return listed_by(self.client, self.where, labels) if self.far else listed(self.where, labels)

    def _way(self, address: str, port: int) -> int:
        """The port of this machine that leads to one on the project's network."""
        from nexus_cli.engine.docker.relay import Relay

        with self._relaying:
            if self._relay is None or self._relay.broken:
                self._relay = Relay(self.client, self._ours, self._relay_image)
            return self._relay.way(address, port)

    def _ending(self, container: str) -> tuple[int, str]:
        return containers.ending(self.client, container)

    def _named(self, names: Sequence[str]) -> Mapping[str, str]:
        units = {found["Id"]: found["Labels"][containers.UNIT] for found in self._list()}
        return {id_: unit for id_, unit in units.items() if not names or unit in names}

    def _id(self, name: str) -> str:
        if name not in self._ids:
            self.observe()
        if name not in self._ids:
            raise NotFound(f"{name} does not run", hint=f"nexus up {name}")
        return self._ids[name]

    def _create(self, unit: Unit) -> str:
        name = f"{self.project}-{unit.name}"
        try:
            with translated(self.where):
                return containers.create(self.client, name, unit, self._ours)
        except Conflict as fault:
            raise NexusError(
                f"{unit.name}: there is a container named {name} that is not this platform's",
                hint=f"look at it with `docker inspect {name}`; remove or rename it",
            ) from fault

    def _remove(self, name: str) -> None:
        for found in self._list(name):
            with contextlib.suppress(NotFound), translated(self.where):
                if found["State"] == "paused":  # what is frozen hears no signal
                    self.client.api.unpause(found["Id"])
                if found["State"] in {"running", "restarting", "paused"}:
                    self.client.api.stop(found["Id"], timeout=containers.grace(found))
                logs.keep(self.client, self.state / "logs", found["Id"], name)
                self.client.api.remove_container(found["Id"], v=True, force=True)
            containers.Ready(self.state).forget(found["Id"])

    def _ensure_network(self) -> None:
        with self._network, translated(self.where):
            if not self._network_there:
                networks.ensure(self.client, self._ours)
                self._network_there = True

    def _ensure_volume(self, unit: Unit, volume: Stored) -> None:
        labels = dict(self._ours.labels)
        if not volume.shared:
            labels[containers.UNIT] = unit.name
        with translated(self.where):
            self.client.api.create_volume(
                containers.volume_name(self.project, unit.name, volume),
                labels=labels,
                driver_opts=containers.disk(volume),
            )

    def _remove_volume(self, name: str) -> None:
        try:
            with translated(self.where):
                self.client.api.remove_volume(name)
        except Conflict as fault:
            raise NexusError(
                f"volume {name} is in use: {fault.message}",
                hint="`docker ps -a --filter volume=" + name + "` says by what",
            ) from fault


def _port_held(unit: Unit, fault: NexusError, *, here: bool) -> NexusError:
    """The fault itself, or in its place who holds the port that could not be published."""
    port = _HELD.search(fault.message)
    if port is None:
        return fault
    if not here:
        return NexusError(
            f"port {port[1]} of {unit.name} is held by another program over there",
            hint=f"choose another one: `ports: {{{unit.name}: …}}` of the environment",
        )
    holder = port_holder(int(port[1])) or "another program"
    return NexusError(f"port {port[1]} of {unit.name} is held by {holder}", hint="nexus up --free-ports")


def _make_folders(container: Container) -> None:
    """Make those folders of this machine that a container is said to be given even when they are missing."""
    for bind in container.binds.values():
        if bind.create and not bind.source.exists():
            try:
                bind.source.mkdir(parents=True)
            except OSError as error:
                raise NexusError(f"cannot make the folder {bind.source}: {error.strerror}") from error


def _container(unit: Unit) -> Container:
    if not isinstance(unit.runtime, Container):
        raise NexusError(f"{unit.name} has no form that runs in a container")
    return unit.runtime
