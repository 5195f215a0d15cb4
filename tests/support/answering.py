"""A small HTTP server that answers as a test says, with the fault that is looked for."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answering = Callable[[BaseHTTPRequestHandler], tuple[int, Mapping[str, str], str]]


@contextmanager
def gateway(answering: Answering, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answers every request as it is told, with `sent` as the request's body; its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                self.sent = json.loads(body or b"{}")
            except (ValueError, RecursionError):
                self.sent = None
            status, headers, text = answering(self)
            self.send_response_only(status)
            for name, value in {"content-length": str(len(text.encode())), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment] - a refused handshake
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
