"""Clients of the workspace's own services: made of what they serve, and used by another one."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

from nexus_cli.engine.go_project import settings
from nexus_cli.sdk.go import programs
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


STOCK = """\
nexus: v1
kind: service
name: stock
type: fastapi
port: {port}
uses: [postgres]
resources: {{item: {{fields: {{name: string}}}}}}
"""
SHELF_OF_DESK = """\
import type { Routes } from "../generated/extension.ts";

export const routes: Routes = (app, runtime) => {
  app.get("/api/v1/shelf", async () => {
    const { items } = runtime.clients.stock.api;
    await items.createItem({ body: { name: "Emma" } });
    return (await items.listItems()).items.map((item) => item.name);
  });
};
"""
SHELF_OF_PAGE = """\
from fastapi import APIRouter, Request

router = APIRouter(prefix="/api/v1", tags=["page"])


@router.get("/shelf")
async def shelf(request: Request) -> list[str]:
    items = request.app.state.runtime.clients.stock.api.items
    return [item.name async for item in items.iter_items()]
"""


def generated(nexus: Run, service: str, language: str) -> str:
    done = nexus("generate", "sdk", "--service", service, "--lang", language, "--no-verify")
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_service_uses_the_client_of_another(workspace: Path, nexus: Run, tiny: Callable[..., None]) -> None:
    port = free_port()
    tiny("shelf", port=port)
    tiny("desk")
    (workspace / "services/shelf/server.py").write_text(SERVER.format(document=json.dumps(DOCUMENT)))
    told = generated(nexus, "shelf", "python")
    assert "shelf: does not run, so its code is asked by itself" in told
    assert "users: [NAME]" in told
    assert not [*(workspace / ".nexus").glob("client-*")]
    assert nexus("up", "shelf").returncode == 0
    blueprint = workspace / "blueprints/packages/shelf-client.yaml"
    blueprint.write_text(blueprint.read_text() + "users: [desk]\n")
    used = nexus("run", "--no-deps", "desk", "python", "-c", USE.format(port))
    assert used.stdout == "['Emma']\n", used.stderr
    told = generated(nexus, "shelf", "python")
    assert f"shelf: reading http://127.0.0.1:{port}/api/openapi.json" in told
    assert "shelf-client is a dependency of desk" in told
    refused = nexus("generate", "package", "shelf-client")
    assert "hint: nexus generate sdk --service shelf --lang python" in refused.stderr


def test_services_of_each_language_call_one_that_is_only_described(
    workspace: Path, nexus: Run, tiny: Callable[..., None]
) -> None:
    del tiny  # which takes down what runs
    ports = {"desk": free_port(), "page": free_port()}
    (workspace / "blueprints/stock.yaml").write_text(STOCK.format(port=free_port()))
    for name, kind in {"desk": "fastify", "page": "fastapi", "gate": "go"}.items():
        asked = ["--port", str(ports[name])] if name in ports else []
        made = nexus("generate", "app", name, "--type", kind, "--uses", "stock", "--defaults", *asked)
        assert made.returncode == 0, made.stderr
    for language, user in {"typescript": "desk", "python": "page", "go": "gate"}.items():
        told = generated(nexus, "stock", language)
        assert "stock: generated for this from the blueprint" in told
        assert f"is a dependency of {user}" in told
    assert not (workspace / "services/stock").exists()
    assert nexus("generate", "app", "stock").returncode == 0
    (workspace / "services/desk/src/domain/routes.ts").write_text(SHELF_OF_DESK)
    (workspace / "services/page/src/page_service/domain/routes.py").write_text(SHELF_OF_PAGE)
    for command in (["build", "desk"], ["build", "page"], ["up", "--free-ports", "desk", "page"]):
        done = nexus(*command)
        assert done.returncode == 0, done.stderr
    for name, port in ports.items():
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/shelf", headers={"x-correlation-id": f"from-{name}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert json.load(answer) == ["Emma"], name
    logged = nexus("logs", "stock").stdout
    assert all(f"from-{name}" in logged for name in ports), logged  # what belongs to the work goes along
    go = subprocess.run(
        [programs(print) / "go", "build", "./internal/generated/clients"],
        cwd=workspace / "services/gate",
        env=settings(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert go.returncode == 0, go.stderr
