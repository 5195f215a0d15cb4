"""A real server that plays a part: `/PART/…` is answered as the part says, and what came is remembered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Came:
    """A request, and when it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class Answering(BaseHTTPRequestHandler):
    """What a part can do with a request."""

    protocol_version = "HTTP/1.1"
    came: list[Came]
    over: threading.Event
    hung_up: threading.Event

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def json(self, status: int, value: object, **headers: str) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, said in headers.items():
            self.send_header(name.replace("_", "-"), said)
        self.end_headers()
        self.wfile.write(content)

    def open(self, media: str) -> None:
        """Begin an answer whose length is not known."""
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def hang(self) -> None:
        """Say nothing until the client hangs up, or the test is over."""
        self.connection.settimeout(0.05)
        while not self.over.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.hung_up.set()
        self.close_connection = True


Part = Callable[[Answering, int], None]
"""Answers the request of a number, from 0."""


class Stage:
    """The server, with a part for each first step of a path."""

    def __init__(self, parts: dict[str, Part]) -> None:
        self.came: dict[str, list[Came]] = {name: [] for name in parts}
        self.hung_up = {name: threading.Event() for name in parts}
        self.over = threading.Event()
        stage = self

        class Handler(Answering):
            over = stage.over

            def handle_one(self) -> None:
                name = self.path.split("/")[1].partition("?")[0]
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if self.headers.get("transfer-encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                self.came, self.hung_up = stage.came[name], stage.hung_up[name]
                headers = {key.lower(): value for key, value in self.headers.items()}
                self.came.append(Came(self.command, self.path, headers, body))
                parts[name](self, len(self.came) - 1)

            do_GET = do_POST = do_PUT = handle_one  # noqa: N815

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
