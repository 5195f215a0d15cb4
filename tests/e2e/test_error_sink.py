"""Errors that nobody handled, from a generated service into the catalogue's sink: both as they really are."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from psutil import process_iter

from tests.conftest import Run
from tests.e2e.conftest import free_port

PLATFORM = """\
nexus: v1
kind: platform
name: shop
include: [blueprints/*.yaml, "catalogue:bugsink"]
"""
LEDGER = """\
nexus: v1
kind: service
name: ledger
type: {kind}
port: {port}
uses: [bugsink]
"""
PYTHON = '''\
"""A route that fails."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/api/v1/entries/{entry}")
async def read(entry: int) -> str:
    """Read an entry."""
    page = entry * 1000
    raise LookupError(f"no page for an entry of {len(str(page))} digits")
'''
NODE = """\
import type { Routes } from "../generated/extension.ts";

export const routes: Routes = (app) => {
  app.get("/api/v1/entries/7", () => {
    const page = 7 * 1000;
    throw new RangeError(`no page for an entry of ${String(page).length} digits`);
  });
};
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {
    "authorization": "Bearer known-to-nobody-else",
    "x-correlation-id": "order-42",
    "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
}


@pytest.fixture(params=["fastapi", "fastify", "express"])
def ledger(
    request: pytest.FixtureRequest, workspace: Path, write: Callable[[str, str], Path], nexus: Run
) -> Iterator[int]:
    """The port of a generated service that uses the sink and has a route that fails."""
    port, kind = free_port(), request.param
    (workspace / "nexus.yaml").write_text(PLATFORM)
    write("ledger", LEDGER.format(port=port, kind=kind))
    made = nexus("generate", "app", "ledger", "--defaults")
    assert made.returncode == 0, made.stderr
    source = workspace / "services/ledger/src"
    if kind == "fastapi":
        (source / "ledger_service/domain/routes.py").write_text(PYTHON)
    else:
        (source / "domain/routes.ts").write_text(NODE)
    yield port
    nexus("down", "--volumes")


def asked(port: int, path: str) -> tuple[int, float]:
    """The status of an answer, and the seconds that it took."""
    started = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers=HEADERS)
        return connection.getresponse().status, time.monotonic() - started


def events(root: Path) -> list[dict[str, Any]]:
    """What the sink keeps, waited for: it is sent beside the answer."""
    database = root / ".nexus/development/data/bugsink/db.sqlite3"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            kept = [json.loads(data) for (data,) in connection.execute("SELECT data FROM events_event")]
        if kept:
            return kept
        time.sleep(0.1)
    return []


def test_an_unhandled_error_is_found_in_the_sink(workspace: Path, nexus: Run, ledger: int) -> None:
    done = nexus("up")
    assert done.returncode == 0, done.stderr
    assert asked(ledger, "/api/v1/entries/7?token=known-to-nobody-else")[0] == 500
    assert asked(ledger, "/api/v1/nowhere")[0] == 404
    (event,) = events(workspace)
    (error,) = event["exception"]["values"]
    assert error["type"] in {"LookupError", "RangeError"}
    assert error["value"] == "no page for an entry of 4 digits"
    assert (event["release"], event["environment"]) == ("ledger@0.1.0", "development")
    assert event["transaction"] in {"GET /api/v1/entries/{entry}", "GET /api/v1/entries/7"}
    assert event["tags"] == {"service": "ledger", "correlation_id": "order-42"}
    assert event["contexts"]["trace"]["trace_id"] == TRACE
    assert "known-to-nobody-else" not in json.dumps(event)
    assert all("vars" not in frame for frame in error["stacktrace"]["frames"])

    stopped = nexus("down", "bugsink")
    assert stopped.returncode == 0, stopped.stderr
    status, seconds = asked(ledger, "/api/v1/entries/7")
    assert (status, seconds < 2) == (500, True)
    again = nexus("up")
    assert again.returncode == 0, again.stderr
    assert len(events(workspace)) == 1  # what was kept is kept; the key is the same


def test_what_the_sink_is_told_in_secret_stands_in_no_command(workspace: Path, nexus: Run) -> None:
    (workspace / "nexus.yaml").write_text(PLATFORM)
    done = nexus("up", "bugsink", "--free-ports")
    assert done.returncode == 0, done.stderr
    mine = json.loads((workspace / ".nexus/development/credentials.json").read_text())["bugsink"]
    assert len(bytes.fromhex(mine["key"])) == 16
    commands = "\n".join(" ".join(process.info["cmdline"] or ()) for process in process_iter(["cmdline"]))
    assert "bugsink.wsgi" in commands
    assert not [name for name, secret in mine.items() if secret in commands]
    nexus("down", "--volumes")
