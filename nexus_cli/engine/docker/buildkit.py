"""Builds by BuildKit through the engine's API: stages side by side, cache mounts, no images left between.

The engine takes the context as the classic builder does and answers with BuildKit's own record of progress:
protobuf messages (`moby.buildkit.v1.StatusResponse`), of which only what a person reads is decoded here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nexus_cli.engine.docker.client import translated

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

TRACE = "moby.buildkit.trace"
_OLDEST = (1, 39)  # of the API
_VERTEXES, _LOGS = 1, 3  # of a StatusResponse
_DIGEST, _NAME, _STARTED, _ERROR = 1, 3, 5, 7  # of a Vertex
_VERTEX, _TEXT = 1, 4  # of a VertexLog
_NOT_OURS = ("[internal]", "copy /context", "exporting", "resolve image config", "docker-image://")
_FETCHING = ("[internal] load metadata", "resolve image config", "docker-image://")
_STOPPED = "context canceled"  # said of the steps beside one that failed
_VARINT, _BYTES, _WIDTHS = 0, 2, {1: 8, 5: 4}  # kinds of fields, and how long those are that have no length


def available(client: DockerClient) -> bool:
    """Whether the engine has BuildKit in it: Docker's on Linux, not Podman's service."""
    with translated():
        told: Mapping[str, Any] = client.api.version(api_version=False)
    names = {part.get("Name") for part in told.get("Components") or ()}
    version = tuple(int(part) for part in str(told.get("ApiVersion", "0")).split("."))
    return "Podman Engine" not in names and told.get("Os") == "linux" and version >= _OLDEST


def events(
    client: DockerClient, context: bytes, parameters: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Have an image built from a context archive, and tell what happens; the SDK asks for no BuildKit."""
    api: Any = client.api
    url = api._url("/build")  # noqa: SLF001
    asked = {**parameters, "version": "2"}
    response = api._post(  # noqa: SLF001
        url,
        data=context,
        params=asked,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=None,
    )
    api._raise_for_status(response)  # noqa: SLF001
    yield from api._stream_helper(response, decode=True)  # noqa: SLF001


@dataclass(slots=True)
class Progress:
    """What the steps of a build are called, which one failed, and what each printed."""

    names: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    failed: str = ""

    def take(self, event: Mapping[str, Any]) -> list[str]:
        """Read one event; the names of the steps that have begun by it."""
        if event.get("id") != TRACE:
            return []
        begun = []
        for number, value in _fields(base64.b64decode(event["aux"])):
            if number == _VERTEXES:
                begun += self._vertex(dict(_fields(value)))
            elif number == _LOGS:
                log = dict(_fields(value))
                digest, text = _text(log, _VERTEX), _text(log, _TEXT)
                self.said[digest] = self.said.get(digest, "") + text
        return begun

    @property
    def step(self) -> str:
        """The step that failed."""
        return self.names.get(self.failed, "")

    @property
    def baseless(self) -> bool:
        """Whether it failed for want of an image to build on, or of the Dockerfile's own frontend."""
        return self.step.startswith(_FETCHING)

    @property
    def lines(self) -> list[str]:
        """What the step that failed printed."""
        return self.said.get(self.failed, "").splitlines()

    def _vertex(self, vertex: Mapping[int, bytes]) -> list[str]:
        digest, name = _text(vertex, _DIGEST), _text(vertex, _NAME)
        error = _text(vertex, _ERROR)
        if error and not self.failed and not error.endswith(_STOPPED):
            self.failed = digest
        if _STARTED not in vertex or digest in self.names:
            return []
        self.names[digest] = name
        return [] if name.startswith(_NOT_OURS) else [name]


def _text(message: Mapping[int, bytes], number: int) -> str:
    return message.get(number, b"").decode("utf-8", "replace")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protobuf message that hold bytes, by number; numbers are passed over."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            size, at = _varint(message, at)
            yield number, message[at : at + size]
            at += size
        else:
            at += _WIDTHS[kind]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of a message, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the last one has no eighth bit
            return value, at
