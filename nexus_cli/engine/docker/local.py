"""A local engine's API over its socket: what each container costs is said without the SDK, all else by it.

Loading the SDK takes longer than most commands need the engine for. The calls here are named as the SDK's
own and mean the same, so that whoever holds a connection need not know which of the two it is.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nexus_cli.engine.docker.client import TIMEOUT, connect, fault_of, frames, unreachable
from nexus_cli.engine.docker.wire import Answer, asked

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_FAULTS = 400
Filters = Mapping[str, str | Sequence[str]]


class LocalClient:
    """A connection to the engine at a `unix://` address; it is opened by each call."""

    def __init__(self, where: str) -> None:
        self.api = LocalApi(where)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.api.sdk, name)

    def close(self) -> None:
        """Let go of what the SDK holds, if it was needed."""
        if "sdk" in self.api.__dict__:
            self.api.sdk.close()


class LocalApi:
    """The calls that count, by the names that the SDK has for them."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._path = where.removeprefix("unix://")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk.api, name)

    @functools.cached_property
    def sdk(self) -> DockerClient:
        """The SDK's own connection, for all that is not here."""
        return connect(self._where)

    def create_container_from_config(self, config: Mapping[str, Any], name: str | None = None) -> Any:
        """Create a container; the answer holds its `Id`."""
        return self._call("POST", "/containers/create", {"name": name} if name else {}, config)

    def start(self, container: str) -> None:
        """Start a created container."""
        self._call("POST", f"/containers/{container}/start")

    def stop(self, container: str, timeout: int) -> None:
        """Stop a container; `timeout` is its grace in seconds."""
        self._call("POST", f"/containers/{container}/stop", {"t": timeout}, seconds=TIMEOUT + timeout)

    def remove_container(self, container: str, *, v: bool = False, force: bool = False) -> None:
        """Remove a container, with its nameless volumes if `v`, even a running one if `force`."""
        self._call("DELETE", f"/containers/{container}", {"v": int(v), "force": int(force)})

    def inspect_container(self, container: str) -> Any:
        """All that the engine knows of a container."""
        return self._call("GET", f"/containers/{container}/json")

    def put_archive(self, container: str, path: str, data: bytes) -> None:
        """Unpack a tar archive inside a container."""
        self._call("PUT", f"/containers/{container}/archive", {"path": path}, data)

    def exec_create(self, container: str, command: Sequence[str], **options: Any) -> Any:
        """Make ready to run a command in a container; one that reads is the SDK's."""
        if options.keys() - {"user"}:
            return self.sdk.api.exec_create(container, list(command), **options)
        told = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, **_user(**options)}
        return self._call("POST", f"/containers/{container}/exec", {}, told)

    def exec_start(self, session: str, **options: Any) -> Any:
        """Run the command to its end; what it printed, of both streams."""
        if options:
            return self.sdk.api.exec_start(session, **options)
        with self._answer("POST", f"/exec/{session}/start", {}, {"Detach": False, "Tty": False}) as answer:
            return b"".join(data for _, data in frames(answer))

    def exec_inspect(self, session: str) -> Any:
        """What became of a command."""
        return self._call("GET", f"/exec/{session}/json")

    def images(self, filters: Filters | None = None) -> Any:
        """The images that the engine has."""
        return self._call("GET", "/images/json", _filtered(filters))

    def inspect_image(self, image: str) -> Any:
        """All that the engine knows of an image."""
        return self._call("GET", f"/images/{quote(image, safe='/:@')}/json")

    def networks(self, names: Sequence[str] = (), filters: Filters | None = None) -> Any:
        """The networks, those of the names or with what the filters say."""
        return self._call(
            "GET", "/networks", _filtered({**(filters or {}), **({"name": names} if names else {})})
        )

    def create_network(self, name: str, driver: str, labels: Mapping[str, str]) -> Any:
        """Create a network."""
        return self._call("POST", "/networks/create", {}, {"Name": name, "Driver": driver, "Labels": labels})

    def remove_network(self, network: str) -> None:
        """Remove a network."""
        self._call("DELETE", f"/networks/{network}")

    def create_volume(
        self, name: str, labels: Mapping[str, str], driver_opts: Mapping[str, str] | None = None
    ) -> Any:
        """Create a volume, or find the one of that name."""
        told = {"Name": name, "Labels": labels, "DriverOpts": driver_opts or {}}
        return self._call("POST", "/volumes/create", {}, told)

    def volumes(self, filters: Filters | None = None) -> Any:
        """The volumes, under `Volumes`."""
        return self._call("GET", "/volumes", _filtered(filters))

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        self._call("DELETE", f"/volumes/{quote(name)}")

    def log_frames(self, container: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """What a container printed, as (out or err, data)."""
        with self._answer("GET", f"/containers/{container}/logs", parameters, seconds=None) as answer:
            yield from frames(answer)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        seconds: float | None = TIMEOUT,
    ) -> Any:
        with self._answer(method, path, query, body, seconds=seconds) as answer:
            said = answer.read()
            return json.loads(said) if said else None

    @contextlib.contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        seconds: float | None = TIMEOUT,
    ) -> Iterator[Answer]:
        """The engine's answer, while it is read; one that tells of a fault is raised."""
        try:
            with asked(self._path, method, path, query, _packed(body), seconds=seconds) as answer:
                if answer.status >= _FAULTS:
                    raise fault_of(answer.status, answer.read())
                yield answer
        except (OSError, ValueError) as error:
            raise unreachable(self._where, error) from error


def _packed(body: Mapping[str, Any] | bytes | None) -> tuple[str, bytes] | None:
    if body is None:
        return None
    if isinstance(body, bytes):
        return "application/x-tar", body
    return "application/json", json.dumps(body).encode()


def _filtered(filters: Filters | None) -> dict[str, str]:
    listed = {
        key: [value] if isinstance(value, str) else list(value) for key, value in (filters or {}).items()
    }
    return {"filters": json.dumps(listed)} if listed else {}


def _user(user: str = "") -> dict[str, str]:
    return {"User": user} if user else {}
