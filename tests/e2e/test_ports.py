"""Two programs and one port: nobody is fooled by somebody else's answer."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Run
from tests.e2e.conftest import free_port


class Friendly(http.server.BaseHTTPRequestHandler):
    """Answers every request with 200."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


def test_another_programs_answer_does_not_count(shop: Path, nexus: Run, tiny: Callable[..., None]) -> None:
    """`restart` does not look at the ports first: the service finds its own held, and lives on."""
    port = free_port()
    tiny("order", port=port, before="import time; time.sleep(60)")
    with http.server.HTTPServer(("127.0.0.1", port), Friendly) as holder:
        threading.Thread(target=holder.serve_forever, daemon=True).start()
        done = nexus("restart", "order")
        holder.shutdown()
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "pid" in done.stderr
