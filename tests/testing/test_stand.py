"""Integration and contract tests bring up a copy, find what is wrong with it, and leave nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.conformance.service import free_port
from tests.conftest import Run

SERVER = """\
import http.server, json, os
SAID = {"openapi": "3.1.0", "info": {"title": "till", "version": "1"}, "paths": {"/sums/{id}": {"get": {
    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
    "responses": {"200": {"description": "a sum", "content": {"application/json": {"schema": {
        "type": "object", "required": ["sum"], "properties": {"sum": {"type": "integer"}}}}}},
        "404": {"description": "none", "content": {"application/json": {}}}}}}}}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/api/openapi.json":
            return self.answer(200, SAID)
        name = self.path.removeprefix("/sums/")
        if self.path.startswith("/sums/") and name.lstrip("-").isdigit():
            return self.answer(200, {"sum": 2})
        return self.answer(200 if self.path == "/health/ready" else 404, {})
    def __getattr__(self, name):
        if name.startswith("do_"):
            return lambda: self.answer(405, {})
        raise AttributeError(name)
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if status == 405:
            self.send_header("allow", "GET")
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
TEST = """\
def test_the_sum_is_right(service, nexus_stack) -> None:
    assert service("till").client.get("/sums/1").json() == {"sum": 2}
    assert nexus_stack.environment.startswith("test-")

def test_who_wants_a_gateway_waits_for_one(gateway) -> None:
    raise AssertionError
"""
WRONG_STATUS = ('self.answer(200, {"sum": 2})', 'self.answer(202, {"sum": 2})')
WRONG_SUM = ('{"sum": 2}', '{"sum": "2"}')


@pytest.fixture
def till(workspace: Path, write: Callable[[str, str], Path]) -> Path:
    """A service of one file, and a test of it."""
    (workspace / "nexus.yaml").write_text(
        "nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/*.yaml]\n"
    )
    port = free_port()
    serve = "run: {serve: [python, serve.py]}"
    write("till", f"{{nexus: v1, kind: service, name: till, type: own, port: {port}, {serve}}}")
    folder = workspace / "services" / "till"
    folder.mkdir(parents=True)
    (folder / "requirements.lock").write_text("")
    (folder / "serve.py").write_text(SERVER)
    (workspace / "tests" / "integration").mkdir(parents=True)
    (workspace / "tests" / "integration" / "test_till.py").write_text(TEST)
    return folder


def change(folder: Path, fault: tuple[str, str]) -> None:
    text = (folder / "serve.py").read_text()
    assert fault[0] in text
    (folder / "serve.py").write_text(text.replace(*fault))


def judged(nexus: Run, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    done = nexus("test", "--json", *arguments)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)["cases"], done.stderr


def copies(workspace: Path) -> list[str]:
    return [path.name for path in (workspace / ".nexus").glob("test-*")]


def test_what_is_right_passes_on_a_copy_that_is_gone_afterwards(
    till: Path, workspace: Path, nexus: Run
) -> None:
    accepted = judged(nexus, "-t", "contract", "--accept")
    assert accepted[0] == 0, accepted
    code, cases, _ = judged(nexus, "-t", "integration", "-t", "contract")
    assert code == 0, cases
    names = {(case["type"], case["status"], case["name"]) for case in cases}
    assert ("integration", "passed", "test_the_sum_is_right") in names
    assert ("integration", "skipped", "test_who_wants_a_gateway_waits_for_one") in names
    assert ("contract", "passed", "GET /sums/{id} answers as described") in names
    assert ("contract", "passed", "keeps what its last document promises") in names
    assert copies(workspace) == []
    assert not list(workspace.glob(".nexus/tests/runs/*/integration/stack.json"))  # it held secrets


def test_planted_faults_are_found(till: Path, workspace: Path, nexus: Run) -> None:
    assert judged(nexus, "-t", "contract", "--accept")[0] == 0
    change(till, WRONG_STATUS)
    code, cases, _ = judged(nexus, "-t", "contract")
    assert code == 1
    (case,) = [case for case in cases if case["status"] == "failed"]
    assert case["name"] == "GET /sums/{id} answers as described"
    assert "202" in case["detail"]
    change(till, ("self.answer(202", "self.answer(200"))
    change(till, WRONG_SUM)
    code, cases, _ = judged(nexus, "-t", "integration", "-t", "contract")
    assert code == 1
    failed = {case["type"]: case for case in cases if case["status"] == "failed"}
    assert failed["integration"]["file"] == "tests/integration/test_till.py"
    assert failed["contract"]["name"] == "GET /sums/{id} answers as described"
    assert copies(workspace) == []


def test_a_stack_that_does_not_come_up_is_an_error_with_its_last_words(
    till: Path, workspace: Path, nexus: Run
) -> None:
    (till / "serve.py").write_text("raise SystemExit('no change in the till')\n")
    code, cases, _ = judged(nexus, "-t", "integration")
    assert code == 1
    (case,) = cases
    assert case["status"] == "error"
    assert "the stack did not come up: till" in case["message"]
    assert "no change in the till" in case["detail"]
    assert copies(workspace) == []


def test_a_copy_can_be_kept_and_one_of_a_killed_run_is_taken_down(
    till: Path, workspace: Path, nexus: Run
) -> None:
    code, _, said = judged(nexus, "-t", "integration", "--keep")
    (name,) = copies(workspace)
    assert code == 0
    assert f"nexus down --volumes --env {name}" in said
    assert "ready" in nexus("status", "--env", name).stdout
    note = workspace / ".nexus" / name / "isolated.json"
    note.write_text(json.dumps({"owner": [1, 0.0, "an earlier boot"]}))  # as if its run had been killed
    code, _, said = judged(nexus, "-t", "integration")
    assert code == 0
    assert f"taking down {name}" in said
    assert copies(workspace) == []


def test_the_running_stack_can_be_tested(till: Path, workspace: Path, nexus: Run) -> None:
    refused = nexus("test", "-t", "integration", "--reuse")
    assert refused.returncode == 2
    assert "till does not run" in refused.stderr
    (workspace / "tests" / "integration" / "test_till.py").write_text(TEST.replace("test-", "development"))
    assert nexus("up").returncode == 0
    try:
        code, cases, _ = judged(nexus, "-t", "integration", "--reuse")
        assert code == 0, cases
        assert "ready" in nexus("status").stdout
    finally:
        nexus("down", "--volumes")


def test_only_what_changed_is_tested(till: Path, workspace: Path, nexus: Run) -> None:
    (workspace / ".gitignore").write_text(".nexus/\n.venv/\n")
    name = ["-c", "user.name=Ann", "-c", "user.email=ann@shop.example"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *name, *words], cwd=workspace, check=True)
    done = nexus("test", "-t", "integration", "--changed")
    assert done.returncode == 5
    assert "nothing that has tests has changed" in done.stderr
    with (till / "serve.py").open("a") as stream:
        stream.write("# more\n")
    assert judged(nexus, "-t", "integration", "--changed")[0] == 0
