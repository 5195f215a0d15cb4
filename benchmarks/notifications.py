"""Figures of the capability `notification`: how many e-mails a second one process delivers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from nexus_cli.conformance.service import free_port, listens
from nexus_cli.resources import bundled
from nexus_cli.unit import HOST

Row = tuple[str, float, float, str]
NEXUS = str(Path(sys.executable).with_name("nexus"))
MAILS, PART, SECONDS = 5000, 1000, 120
PLATFORM = """\
nexus: v1
kind: platform
name: letters
include: [blueprints/*.yaml, "catalogue:postgres", "catalogue:redis", "catalogue:nats"]
"""
SINK = """\
import asyncio, sys

class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest, self.data = transport, b"", False
        transport.write(b"220 sink\\r\\n")

    def data_received(self, received):
        self.rest += received
        while True:
            end = b"\\r\\n.\\r\\n" if self.data else b"\\r\\n"
            line, found, rest = self.rest.partition(end)
            if not found:
                return
            self.rest = rest
            verb = b"" if self.data else line[:4].upper()
            self.data = verb == b"DATA"
            self.transport.write(b"354 go on\\r\\n" if self.data else b"250 OK\\r\\n")

async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""


def notifications() -> Iterator[Row]:
    """From the request to the row that says `sent`, over PostgreSQL, with events, to a mail server here."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        sink = subprocess.Popen([sys.executable, "-c", SINK, str(port)])
        try:
            while not listens(port):
                time.sleep(0.025)
            yield from _measured(Path(folder), port)
        finally:
            sink.kill()
            sink.wait()


def _measured(root: Path, port: int) -> Iterator[Row]:
    (root / "blueprints").mkdir()
    (root / "nexus.yaml").write_text(PLATFORM)
    described = (bundled("blueprints") / "services" / "notification.yaml").read_text()
    sent_to = f"env: {{SMTP_URL: smtp://{HOST}:{port}}}\n"
    (root / "blueprints" / "notification.yaml").write_text(described + sent_to)
    _nexus(root, "generate", "app", "notification")
    try:
        _nexus(root, "up", "notification", "--free-ports", "--engine", "process")
        units = json.loads(_nexus(root, "status", "-o", "json"))
        unit = next(unit for unit in units if unit["name"] == "notification")
        process = psutil.Process(unit["pid"])
        _deliver(unit["url"], PART)  # connections are opened, statements prepared
        before, began = process.cpu_times(), time.perf_counter()
        asking = _deliver(unit["url"], MAILS)
        whole, after = time.perf_counter() - began, process.cpu_times()
        busy = after.user + after.system - before.user - before.system
        yield "e-mails asked for in bulk", asking / MAILS * 1e6, 1000, "us / e-mail"
        yield "e-mails delivered and recorded", whole / MAILS * 1e6, 1000, "us / e-mail"
        yield "  processor time of the service", busy / MAILS * 1e6, 1000, "us / e-mail"
    finally:
        _nexus(root, "down", "--volumes")


def _deliver(url: str, number: int) -> float:
    """Ask for so many and wait until each is recorded as sent; how long the asking took."""
    began = time.perf_counter()
    batches = []
    for first in range(0, number, PART):
        to = [{"recipient": f"u{first + n}@example.org", "variables": {"n": n}} for n in range(PART)]
        body = {"channel": "email", "subject": "Number {{ n }}", "body": "Dear {{ n }}", "recipients": to}
        batches.append(_call(f"{url}/api/v1/notifications/bulk", body)["batch"])
    asking = time.perf_counter() - began
    deadline = time.monotonic() + SECONDS
    while batches:
        found = _call(f"{url}/api/v1/notifications/batches/{batches[-1]}")
        if found["statuses"] == {"sent": PART}:
            batches.pop()
        elif time.monotonic() > deadline:
            sys.exit(f"not delivered within {SECONDS} s: {found}")
        else:
            time.sleep(0.05)
    return asking


def _call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _nexus(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [NEXUS, *arguments], cwd=root, env=os.environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"nexus {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
