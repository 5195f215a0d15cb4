"""Clients of the workspace's own services: made of what they serve, and used by another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Run
from tests.e2e.conftest import free_port

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shelf", "version": "1.0.0"},
    "paths": {
        "/books": {
            "get": {
                "tags": ["books"],
                "operationId": "list_books_books_get",
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {"schema": {"type": "array", "items": {"type": "string"}}}
                        },
                    }
                },
            }
        }
    },
}
SERVER = """\
import http.server, os
ANSWERS = {{"/api/openapi.json": {document!r}, "/books": '["Emma"]'}}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(ANSWERS.get(self.path, "{{}}").encode())
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
USE = "from shelf_client import Client; print(Client(server='http://127.0.0.1:{}').books.list_books())"


def test_a_service_uses_the_client_of_another(workspace: Path, nexus: Run, tiny: Callable[..., None]) -> None:
    port = free_port()
    tiny("shelf", port=port)
    tiny("desk")
    (workspace / "services/shelf/server.py").write_text(SERVER.format(document=json.dumps(DOCUMENT)))
    command = ["generate", "sdk", "--service", "shelf", "--lang", "python", "--no-verify"]
    down = nexus(*command)
    assert down.returncode == 1
    assert "hint: nexus up shelf" in down.stderr
    assert nexus("up", "shelf").returncode == 0
    done = nexus(*command)
    assert done.returncode == 0, done.stderr
    assert "users: [NAME]" in done.stderr
    blueprint = workspace / "blueprints/packages/shelf-client.yaml"
    blueprint.write_text(blueprint.read_text() + "users: [desk]\n")
    used = nexus("run", "--no-deps", "desk", "python", "-c", USE.format(port))
    assert used.stdout == "['Emma']\n", used.stderr
    assert "users: [NAME]" not in nexus(*command).stderr
