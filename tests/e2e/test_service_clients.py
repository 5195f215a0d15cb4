"""Clients of the workspace's own services: made of what they serve, and used by another one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

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
SHELF = """\
import type { Routes } from "../generated/extension.ts";

export const routes: Routes = (app, runtime) => {
  app.get("/api/v1/shelf", async () => {
    const { items } = runtime.clients.stock.api;
    await items.createItem({ body: { name: "Emma" } });
    return (await items.listItems()).items.map((item) => item.name);
  });
  app.get("/api/v1/lost", async () => {
    const id = "00000000-0000-7000-8000-000000000000";
    return (await runtime.clients.stock.api.items.getItem({ itemId: id })).name;
  });
  app.get("/api/v1/away", async () => {
    const nobody = { server: "http://127.0.0.1:1", retry: { retries: 0 } };
    return (await runtime.clients.stock.api.items.listItems({}, nobody)).items.length;
  });
};
"""


def refusal(url: str) -> tuple[int, str]:
    """Status and detail of the problem that an address answers with."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=60)
    return caught.value.status, json.load(caught.value)["detail"]


def generated(nexus: Run, service: str, language: str) -> str:
    done = nexus("generate", "sdk", "--service", service, "--lang", language, "--no-verify")
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_service_uses_the_client_of_another(workspace: Path, nexus: Run, tiny: Callable[..., None]) -> None:
    port = free_port()
    platform = workspace / "nexus.yaml"
    platform.write_text(platform.read_text() + '  - "catalogue:kafka"\n')  # which only Docker has
    tiny("shelf", port=port, uses=["kafka"])
    tiny("desk")
    server = SERVER.format(document=json.dumps(DOCUMENT))
    wanting = f"{server.splitlines()[0]}\nos.environ['KAFKA_BOOTSTRAP_SERVERS']\n{server}"
    (workspace / "services/shelf/server.py").write_text(wanting)
    told = generated(nexus, "shelf", "python")
    assert "shelf: does not run, so its code is asked by itself" in told
    assert "users: [NAME]" in told
    assert not [*(workspace / ".nexus").glob("client-*")]
    tiny("shelf", port=port)
    (workspace / "services/shelf/server.py").write_text(server)
    said = nexus("sdk", "spec", "shelf")
    assert (list(json.loads(said.stdout)["paths"]), "its code is asked" in said.stderr) == (["/books"], True)
    assert nexus("up", "shelf").returncode == 0
    said = nexus("sdk", "spec", "shelf", "--write", "docs/shelf.json")
    assert (said.stdout, f"reading http://127.0.0.1:{port}/" in said.stderr) == ("", True)
    assert list(json.loads((workspace / "docs/shelf.json").read_text())["paths"]) == ["/books"]
    blueprint = workspace / "blueprints/packages/shelf-client.yaml"
    blueprint.write_text(blueprint.read_text() + "users: [desk]\n")
    used = nexus("run", "--no-deps", "desk", "python", "-c", USE.format(port))
    assert used.stdout == "['Emma']\n", used.stderr
    told = generated(nexus, "shelf", "python")
    assert f"shelf: reading http://127.0.0.1:{port}/api/openapi.json" in told
    assert "shelf-client is a dependency of desk" in told
    refused = nexus("generate", "package", "shelf-client")
    assert "hint: nexus generate sdk --service shelf --lang python" in refused.stderr


@pytest.mark.timeout(600)
def test_a_service_calls_one_that_was_only_described(
    workspace: Path, nexus: Run, tiny: Callable[..., None]
) -> None:
    del tiny  # which takes down what runs
    port = free_port()
    (workspace / "blueprints/stock.yaml").write_text(STOCK.format(port=free_port()))
    desk = ["desk", "--type", "fastify", "--uses", "stock", "--port", str(port), "--defaults"]
    made = nexus("generate", "app", *desk)
    assert made.returncode == 0, made.stderr
    told = generated(nexus, "stock", "typescript")
    assert "stock: generated for this from the blueprint" in told
    assert "stock-client is a dependency of desk" in told
    assert not (workspace / "services/stock").exists()
    assert nexus("generate", "app", "stock").returncode == 0
    (workspace / "services/desk/src/domain/routes.ts").write_text(SHELF)
    for command in (["build", "desk"], ["up", "--free-ports", "desk"]):
        done = nexus(*command)
        assert done.returncode == 0, done.stderr
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/shelf", headers={"x-correlation-id": "from-desk"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert json.load(answer) == ["Emma"]
    except urllib.error.HTTPError:
        pytest.fail(nexus("logs", "desk", "stock").stdout)
    assert "from-desk" in nexus("logs", "stock").stdout  # what belongs to the work goes along
    assert refusal(f"http://127.0.0.1:{port}/api/v1/lost") == (
        502,
        "The service stock did not do what it was asked.",
    )
    assert refusal(f"http://127.0.0.1:{port}/api/v1/away") == (503, "The service stock does not answer.")
