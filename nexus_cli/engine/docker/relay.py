"""Ways to containers whose network is not this machine's: a small container beside them opens connections.

What it is told and what it tells goes over the engine's own connection, so that whatever guards that one
(SSH, TLS with certificates) guards this too, and no port of the far machine has to be open for it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli.engine.docker import far_end, images, sessions
from nexus_cli.engine.docker.client import NotFound, translated
from nexus_cli.engine.docker.containers import ONCE, Project
from nexus_cli.engine.docker.far_end import DATA, END, FRAME, OPEN, Sender
from nexus_cli.errors import NexusError
from nexus_cli.unit import HOST

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_BLOCK = 1 << 16
_SECONDS = 30.0
_OUTPUT = struct.Struct(">BxxxL")  # what the engine puts before each piece of a container's output
_MEMORY = 64 << 20


class Relay:
    """A running container that opens connections beside others; it ends with our connection to it.

    One thread carries everything: TLS connections cannot be read and written at the same time.
    """

    def __init__(self, client: DockerClient, project: Project, image: str) -> None:
        self._engine, self._hold = _started(client, project, image)
        self._coming = b""
        self._frames = b""
        self._ports: dict[tuple[str, int], int] = {}
        self._peers: dict[int, tuple[socket.socket, Sender]] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._engine.setblocking(False)
        self._selector.register(self._engine, selectors.EVENT_READ, self._from_engine)
        self.broken = False
        threading.Thread(target=self._serve, daemon=True).start()

    def way(self, host: str, port: int) -> int:
        """The port of this machine that leads to a port over there."""
        with self._lock:
            if (host, port) not in self._ports:
                listener = socket.create_server((HOST, 0))
                arrived = partial(self._arrived, listener, f"{host} {port}")
                self._selector.register(listener, selectors.EVENT_READ, arrived)
                self._ports[host, port] = int(listener.getsockname()[1])
            return self._ports[host, port]

    def _serve(self) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):  # the engine, or the container, is gone
                while True:
                    for key, _ in self._selector.select():
                        key.data()
        finally:
            self.broken = True
            for number in [*self._peers]:
                self._over(number)
            for kept in [*self._selector.get_map().values()]:
                if isinstance(kept.fileobj, socket.socket):
                    kept.fileobj.close()

    def _arrived(self, listener: socket.socket, where: str) -> None:
        """Somebody here wants to get there; what they say is read once the other end is open."""
        try:
            peer, _ = listener.accept()
        except OSError:  # they are gone again, or we have too many files open: the others stay
            return
        self._number += 1
        self._peers[self._number] = peer, Sender(peer)
        self._tell(OPEN, self._number, where.encode())

    def _from_peer(self, number: int, peer: socket.socket) -> None:
        try:
            data = peer.recv(_BLOCK)
        except OSError:
            data = b""
        if data:
            self._tell(DATA, number, data)
        else:
            self._over(number)
            self._tell(END, number)

    def _from_engine(self) -> None:
        """Take one block of what came, and do what its whole frames say; then it is the others' turn.

        A block is more than a record of TLS: nothing stays where the selector does not see it.
        """
        try:
            data = self._engine.recv(_BLOCK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        if not data:
            raise EOFError
        self._coming += data
        while len(self._coming) >= _OUTPUT.size:
            _, size = _OUTPUT.unpack_from(self._coming)
            if len(self._coming) < _OUTPUT.size + size:
                break
            self._frames += self._coming[_OUTPUT.size : _OUTPUT.size + size]
            self._coming = self._coming[_OUTPUT.size + size :]
        while len(self._frames) >= FRAME.size:
            kind, number, size = FRAME.unpack_from(self._frames)
            if len(self._frames) < FRAME.size + size:
                break
            data = self._frames[FRAME.size : FRAME.size + size]
            self._frames = self._frames[FRAME.size + size :]
            self._told(kind, number, data)

    def _told(self, kind: bytes, number: int, data: bytes) -> None:
        if number not in self._peers:
            return
        peer, sender = self._peers[number]
        if kind == OPEN:
            self._selector.register(peer, selectors.EVENT_READ, partial(self._from_peer, number, peer))
        elif kind == DATA:
            sender.put(data)
        elif peer in self._selector.get_map():
            sender.put(b"")  # once all that came is sent, we read its end
        else:
            self._over(number)  # it was never open

    def _over(self, number: int) -> None:
        if number in self._peers:
            peer, sender = self._peers.pop(number)
            with contextlib.suppress(KeyError):
                self._selector.unregister(peer)
            sender.end()
            peer.close()

    def _tell(self, kind: bytes, number: int, data: bytes = b"") -> None:
        self._engine.settimeout(_SECONDS)
        self._engine.sendall(FRAME.pack(kind, number, len(data)) + data)
        self._engine.setblocking(False)


def _started(client: DockerClient, project: Project, image: str) -> tuple[socket.socket, Any]:
    """A socket to the input and output of a far end that runs, and what has to be kept as long as it."""
    api: Any = client.api
    text = Path(far_end.__file__).read_text(encoding="utf-8")
    configuration = {
        "Image": image,
        "Entrypoint": ["python", "-I", "-S", "-c"],
        "Cmd": [text],
        "User": "65534:65534",
        "Labels": {**project.labels, ONCE: "relay"},
        **dict.fromkeys(("OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout"), True),
        "HostConfig": {
            "AutoRemove": True,
            "NetworkMode": project.name,
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Memory": _MEMORY,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "none"},  # its output is what people send: none of it stays over there
        },
        "NetworkingConfig": {"EndpointsConfig": {project.name: {}}},
    }
    try:
        with translated():
            created = api.create_container_from_config(configuration)["Id"]
    except NotFound:
        _fetch(client, image)
        with translated():
            created = api.create_container_from_config(configuration)["Id"]
    try:
        with translated():
            stream = api.attach_socket(created, params=dict.fromkeys(("stdin", "stdout", "stream"), 1))
            api.start(created)
    except BaseException:
        with contextlib.suppress(NexusError), translated():  # what never began does not end by itself
            api.remove_container(created, v=True, force=True)
        raise
    return sessions.socket_of(stream), stream


def _fetch(client: DockerClient, image: str) -> None:
    try:
        images.pull(client, image, lambda _: None)
    except NexusError as fault:
        raise NexusError(
            f"what runs there cannot be reached from here without the image {image}: {fault.message}",
            hint="bring it there (docker save | docker load), or map another one with Python: "
            "`images: {python: …}` in nexus.yaml",
        ) from fault
