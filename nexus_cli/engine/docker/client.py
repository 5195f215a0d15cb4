"""The connection to a Docker engine: which one, and its faults in a person's words."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import unquote, urlsplit

from nexus_cli.engine.docker.wire import asked
from nexus_cli.errors import NexusError

if TYPE_CHECKING:
    from docker import DockerClient as DockerClient  # noqa: PLC0414 - the type, for those who use a connection

DEFAULT = "unix:///var/run/docker.sock"
TIMEOUT = 60
_POOL = 32
_FRAME = struct.Struct(">BxxxL")
_STDERR = 2
_PORT, _CONNECT_SECONDS = 2375, 10.0
_OK = 200


class EngineUnreachable(NexusError):
    """No engine answers at the address."""


class NotFound(NexusError):
    """The engine knows no container, image, network or volume of that name."""


class Conflict(NexusError):
    """Another thing of the same name is there, or the thing is in use."""


def address() -> str:
    """Where the engine is: DOCKER_HOST, else the CLI's current context, else a local socket that exists."""
    host = os.environ.get("DOCKER_HOST")
    if host:
        return host
    name = _context_name()
    if name:
        return f"context://{name}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    sockets = (
        Path("/var/run/docker.sock"),
        Path(runtime) / "docker.sock",
        Path(runtime) / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    )
    return next((f"unix://{path}" for path in sockets if path.is_socket()), DEFAULT)


def connect(where: str | None = None, *, timeout: int = TIMEOUT) -> DockerClient:
    """A client of the engine at an address: `unix://`, `tcp://`, `ssh://` or `context://NAME`.

    Without one, at `address()`. For `tcp://`, the folder of certificates stands behind the address
    (`?certificates=/…`), or DOCKER_TLS_VERIFY and DOCKER_CERT_PATH count. An engine that does not answer is a
    fault.
    """
    where = where or address()
    from docker import APIClient
    from docker import DockerClient as DockerClient  # noqa: PLC0414 - the type, for those who use a connection

    class Api(APIClient):
        """As the SDK's, but REQUESTS_CA_BUNDLE does not take the place of the engine's own authority."""

        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            own = self.verify if verify is None else verify
            return super().merge_environment_settings(url, proxies, stream, own, cert)

    with translated(where):
        client: DockerClient = DockerClient.__new__(DockerClient)
        client.api = Api(timeout=timeout, max_pool_size=_POOL, **_endpoint(where))
        return client


def resolved(where: str) -> str:
    """Where an address leads: a context's is what Docker's CLI keeps of it."""
    return str(_context(where)["base_url"]) if where.startswith("context://") else where


def far(where: str) -> bool:
    """Whether an engine is, or may be, on another machine: it is not spoken to by a socket of this one."""
    return not resolved(where).startswith("unix://")


def lean(where: str) -> DockerClient:
    """A connection that loads the SDK only for what a local engine is not told without it."""
    if far(where):
        return connect(where)
    from nexus_cli.engine.docker.local import LocalClient

    return cast("DockerClient", LocalClient(resolved(where)))


def silence(where: str, *, timeout: float = 2.0) -> str:
    """Why no engine answers at an address; nothing when one does. Asks a local socket without the SDK."""
    if where.startswith("unix://"):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.settimeout(timeout)
                peer.connect(where.removeprefix("unix://"))
                peer.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
                return "" if b" 200 " in peer.recv(64) else "it does not answer as an engine does"
        except OSError as error:
            return (error.strerror or str(error)).lower()
    try:
        connect(where, timeout=max(1, round(timeout))).close()
    except NexusError as error:
        return error.message
    return ""


def listed(where: str, labels: Sequence[str]) -> list[dict[str, Any]]:
    """All containers with the labels, as a local engine lists them; it is asked without the SDK."""
    filters = {"label": list(labels)}
    query = {"all": 1, "filters": json.dumps(filters)}
    try:
        path = resolved(where).removeprefix("unix://")
        with asked(path, "GET", "/containers/json", query, seconds=TIMEOUT) as answer:
            status, said = answer.status, answer.read()
        if status != _OK:
            raise fault_of(status, said)
        return list(json.loads(said))
    except (OSError, ValueError) as error:
        raise unreachable(where, error) from error


def listed_by(client: DockerClient, where: str, labels: Sequence[str]) -> list[dict[str, Any]]:
    """All containers with the labels, as the engine of a connection lists them."""
    with translated(where):
        found: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": list(labels)})
    return found


@contextlib.contextmanager
def translated(where: str = "") -> Iterator[None]:
    """Turn the SDK's faults into `NexusError`s: unreachable, not found, conflict, or its own words."""
    try:
        yield
    except NexusError:
        raise
    except Exception as error:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        if isinstance(error, APIError):
            raise _fault(error.status_code or 0, _words(error.explanation or str(error))) from error
        if isinstance(error, (DockerException, RequestException)):
            raise unreachable(where, error) from error
        raise


def default_registry() -> str:
    """The registry that is meant where an image's name says none."""
    from docker.auth import INDEX_NAME

    return str(INDEX_NAME)


def context_paths(folder: Path, dockerfile: str) -> list[str]:
    """The paths of a build context, sorted: everything that .dockerignore leaves, and the Dockerfile."""
    from docker.utils.build import exclude_paths

    try:
        ignored = (folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        ignored = []
    patterns = [line.strip() for line in ignored if line.strip() and not line.lstrip().startswith("#")]
    found: set[str] = exclude_paths(str(folder), patterns, dockerfile=dockerfile)
    return sorted(found)


def log_frames(client: DockerClient, container: str, **parameters: Any) -> Iterator[tuple[str, bytes]]:
    """What a container printed, as (out or err, data); the SDK's own call does not tell the two apart."""
    api: Any = client.api
    wanted = {"stdout": 1, "stderr": 1, "timestamps": 1, **parameters}
    if "log_frames" in dir(type(api)):
        yield from api.log_frames(container, wanted)
        return
    with translated():
        url = api._url("/containers/{0}/logs", container)  # noqa: SLF001
        response = api._get(url, params=wanted, stream=True, timeout=None)  # noqa: SLF001
        api._raise_for_status(response)  # noqa: SLF001
        with contextlib.closing(response):
            yield from frames(response.raw)


class Readable(Protocol):
    """What gives as many bytes as are asked for, or what is left of them."""

    def read(self, size: int, /) -> bytes:
        """The next bytes."""


def frames(answer: Readable) -> Iterator[tuple[str, bytes]]:
    """The frames of two streams that come as one, as (out or err, data)."""
    while len(head := answer.read(_FRAME.size)) == _FRAME.size:
        stream, size = _FRAME.unpack(head)
        yield "err" if stream == _STDERR else "out", answer.read(size)


def hostname(where: str) -> str:
    """The host on which the engine's published ports are reached."""
    parts = urlsplit(resolved(where))
    return parts.hostname or "127.0.0.1" if parts.scheme in {"tcp", "ssh", "http", "https"} else "127.0.0.1"


_FAR_HINTS = (
    (
        r"certificate.verify.failed|hostname|ip address mismatch",
        "what answers there has no certificate of the authority in ca.pem, or one for another name",
    ),
    (
        r"alert|certificate required|bad certificate|unknown ca",
        "it does not take the certificate in cert.pem: one that its own authority has signed is wanted",
    ),
    (r"http request to an https|http response to https", "it speaks TLS: name its `certificates`"),
)


def unreachable(where: str, error: Exception) -> EngineUnreachable:
    """The fault that nothing, or nothing sensible, came from an address."""
    at, reason = f" at {where.partition('?')[0]}" if where else "", _reason(error)
    near = "start it, point DOCKER_HOST at another one, or use --engine process"
    there = "is that machine up, and does its engine listen there?"
    hint = there if where and far(where) else near
    known = (hint for pattern, hint in _FAR_HINTS if re.search(pattern, reason))
    return EngineUnreachable(f"no Docker engine answers{at}: {reason}", hint=next(known, hint))


def fault_of(status: int, body: bytes) -> NexusError:
    """The fault that an engine's answer tells of."""
    try:
        words = str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        words = body.decode("utf-8", "replace")
    return _fault(status, _words(words))


def _fault(status: int, words: str) -> NexusError:
    hint = advice(words)
    if hint is not None:
        return NexusError(words, hint=hint)
    match status:
        case 404:
            return NotFound(words)
        case 409:
            return Conflict(words)
    return NexusError(words)


def advice(words: str) -> str | None:
    """What a person can do about a fault that the engine put into these words."""
    known = (
        (
            r"no basic auth|unauthorized|authentication required|access denied|requested access",
            "the registry asks for a login: run `docker login` for it",
        ),
        (r"no space left on device", "free some space: `docker system df` says what takes it"),
    )
    return next((hint for pattern, hint in known if re.search(pattern, words, re.IGNORECASE)), None)


def _words(text: str) -> str:
    return " ".join(text.split()) or "the Docker engine gave no reason"


def _reason(error: Exception) -> str:
    """The innermost cause, which says more than the layers of HTTP around it."""
    inner: BaseException = error
    while inner.__context__ is not None:
        inner = inner.__context__
    strerror = getattr(inner, "strerror", None)
    return _words(str(strerror or inner)).lower()


def _endpoint(where: str) -> dict[str, Any]:
    """What the SDK is told of an address: where it really is, and how to trust it."""
    address, _, certificates = where.partition("?certificates=")
    told: dict[str, Any] = {"base_url": address, "tls": _tls(address, unquote(certificates))}
    if where.startswith("context://"):
        told |= _context(where)
    parts = urlsplit(told["base_url"])
    if parts.scheme == "tcp" and parts.hostname:  # else a host that is down holds us up for a minute
        try:
            socket.create_connection((parts.hostname, parts.port or _PORT), _CONNECT_SECONDS).close()
        except OSError as error:
            raise unreachable(where, error) from error
    if told["base_url"].startswith("ssh://"):
        from nexus_cli.engine.docker.tunnel import opened

        told["base_url"] = opened(told["base_url"])
    return told


def _context(where: str) -> dict[str, Any]:
    """What the Docker CLI keeps of one of its contexts."""
    from docker.context import ContextAPI

    name = where.removeprefix("context://")
    if ContextAPI.get_context(name) is None:
        raise NexusError(
            f"there is no Docker context {name}", hint="`docker context ls` names those there are"
        )
    return {"base_url": DEFAULT, **ContextAPI.kwargs_from_context(name=name)}


def _tls(where: str, certificates: str) -> Any:
    """By which certificates the other end and we know each other; nothing for a connection without TLS."""
    verify = certificates or os.environ.get("DOCKER_TLS_VERIFY", "")
    folder = (
        certificates or os.environ.get("DOCKER_CERT_PATH") or (f"{Path.home()}/.docker" if verify else "")
    )
    if not folder or not where.startswith(("tcp://", "https://")):
        return False
    from docker.tls import TLSConfig

    ca, cert, key = (Path(folder).expanduser() / f"{name}.pem" for name in ("ca", "cert", "key"))
    for path in (ca, cert, key):
        if not os.access(path, os.R_OK):
            raise NexusError(f"cannot read {path}, by which {where} and we know each other")
    return TLSConfig(client_cert=(str(cert), str(key)), ca_cert=str(ca), verify=bool(verify))


def _context_name() -> str | None:
    """The CLI's chosen context, unless it is the default one."""
    name = os.environ.get("DOCKER_CONTEXT")
    if name is None:
        path = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker")) / "config.json"
        try:
            name = json.loads(path.read_text(encoding="utf-8")).get("currentContext")
        except (OSError, ValueError, AttributeError):
            return None
    return name if name and name != "default" else None
