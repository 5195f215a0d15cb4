"""`nexus test --type e2e --type security` on a platform that runs, with faults planted in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import Run, running, skip_for
from tests.e2e.conftest import spawn, until

PLATFORM = 'nexus: v1\nkind: platform\nname: stall\ninclude: [blueprints/*.yaml, "catalogue:gateway"]\n'
SERVICE = """\
nexus: v1
kind: service
name: stall
port: 8041
type: own
run: {serve: [python, server.py]}
routes:
  - {path: /stall, auth: none}
  - {path: /orders, auth: none}
"""
SERVER = """\
import http.server, os, pathlib, signal, threading
PAGE = b"<!doctype html><button onclick='buy()'>Buy</button><p></p><script>function buy() {%s}</script>"
SAYS = b"document.querySelector('p').textContent = 'Thank you'"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        broken = pathlib.Path("broken").exists()
        self.send_response(200 if self.path.startswith(("/health", "/stall", "/orders")) else 404)
        self.send_header("content-type", "text/html")
        if broken:
            self.send_header("x-content-type-options", "sniff")
        self.end_headers()
        self.wfile.write(PAGE.replace(b"%s", b"" if broken else SAYS))
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
PAGES = """\
from playwright.sync_api import Page, expect

def test_one_can_buy(page: Page) -> None:
    page.goto("/stall")
    page.get_by_role("button", name="Buy").click()
    expect(page.get_by_text("Thank you")).to_be_visible(timeout=2000)
"""
ANSWERS = (
    "def test_orders_are_there(gateway) -> None:\n    assert gateway.get('/orders').status_code == 200\n"
)
SLOW = """\
def test_slow(page) -> None:
    page.goto("/stall")
    page.wait_for_timeout(60_000)
"""
KEY = "AKIA" + "Z7QK2MNB4XVPLT6R"


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The platform, up, with tests of a page and of an answer."""
    skip_for("" if shutil.which("chromium") or shutil.which("google-chrome") else "no Chromium")
    root = tmp_path_factory.mktemp("stall")
    for name, text in {
        "nexus.yaml": PLATFORM,
        "blueprints/stall.yaml": SERVICE,
        "services/stall/server.py": SERVER,
        "services/stall/requirements.lock": "",
        "tests/e2e/test_pages.py": PAGES,
        "tests/e2e/test_answers.py": ANSWERS,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    nexus = running(root)
    up = nexus("up", "--free-ports")
    assert up.returncode == 0, up.stdout + up.stderr
    yield root
    nexus("down", "--volumes")


@pytest.fixture
def nexus(stall: Path) -> Run:
    return running(stall)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose sockets have names that are short enough."""
    with tempfile.TemporaryDirectory(prefix="stall-") as folder:
        yield Path(folder)


def cases(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["cases"]
    return found


def statuses(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {case["name"]: case["status"] for case in cases(done)}


def test_pages_and_answers_pass_in_a_copy(stall: Path, nexus: Run) -> None:
    done = nexus("test", "--type", "e2e", "--json")
    assert statuses(done) == {"test_one_can_buy[chromium]": "passed", "test_orders_are_there": "passed"}
    assert done.returncode == 0
    assert not list(stall.glob(".nexus/test-*"))


def test_without_a_browser_the_rest_is_run(nexus: Run) -> None:
    programs = os.pathsep.join(
        folder
        for folder in os.environ["PATH"].split(os.pathsep)
        if not any((Path(folder) / name).exists() for name in ("chromium", "google-chrome"))
    )
    done = nexus("test", "-t", "e2e", "--reuse", "--json", PATH=programs)
    page, answer = sorted(cases(done), key=lambda case: case["status"])
    assert (page["status"], answer["status"]) == ("not run", "passed")
    assert page["message"].startswith("no browser: ")
    assert "NEXUS_BROWSER" in page["message"]
    assert done.returncode == 0
    assert nexus("test", "-t", "e2e", "--reuse", NEXUS_BROWSER="/none").returncode == 2


def test_planted_faults_are_found(stall: Path, nexus: Run) -> None:
    blueprint, settings = stall / "blueprints" / "stall.yaml", stall / "services" / "stall" / "settings.py"
    (stall / "services" / "stall" / "broken").touch()
    blueprint.write_text(SERVICE.replace("/orders, auth: none", "/orders, auth: jwt"))  # and no `nexus up`
    settings.write_text(f'KEY = "{KEY}"\n')
    (stall / "tests" / "e2e" / "test_answers.py").write_text(ANSWERS.replace("200", "201"))
    try:
        done = nexus("test", "-t", "e2e", "-t", "security", "--reuse", "--json")
    finally:
        (stall / "services" / "stall" / "broken").unlink()
        blueprint.write_text(SERVICE)
        settings.unlink()
        (stall / "tests" / "e2e" / "test_answers.py").write_text(ANSWERS)
    assert done.returncode == 1
    assert KEY not in done.stdout + done.stderr
    failed = {case["name"]: case for case in cases(done) if case["status"] == "failed"}
    assert set(failed) == {
        "test_one_can_buy[chromium]",
        "test_orders_are_there",
        "no secret lies in the workspace",
        "GET /orders lets only those in who have a token",
        "an answer of a service carries the headers that protect browsers",
    }
    assert "no token: 200" in failed["GET /orders lets only those in who have a token"]["message"]
    kept = failed["test_one_can_buy[chromium]"]["attachments"]
    assert {Path(path).name for path in kept} == {"test-failed-1.png", "trace.zip", "video.webm"}
    (run,) = (run for run in stall.glob(".nexus/tests/runs/*") if (run / kept[0]).is_file())
    assert all((run / path).stat().st_size > 500 for path in kept)


def test_an_interrupt_leaves_no_browser(stall: Path, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(short))
    slow = stall / "tests" / "e2e" / "test_slow.py"
    slow.write_text(SLOW)
    run = spawn(stall, "test", "-t", "e2e", "--reuse")
    try:
        started = until(lambda: _showing(run.pid), 60)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    finally:
        run.kill()
        slow.unlink()
    assert run.returncode == 130
    until(lambda: not _left(started), 5)
    assert not list(short.iterdir())


def _showing(pid: int) -> list[psutil.Process]:
    """Everything that a run has started, once its browser shows a page."""
    started = psutil.Process(pid).children(recursive=True)
    return started if any("--type=renderer" in _words(process) for process in started) else []


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def _left(started: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in started if _words(process)]  # a zombie has none
