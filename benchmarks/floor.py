"""What the engine itself takes: its bare calls over the local socket, without anything that a tool is for.

`python -m benchmarks.floor up|change|down FILE`: no blueprints, no plan, no labels to find things by, no
logs to keep. What is faster than this is faster by luck; what a tool takes beyond it is the tool's own.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

THREADS = 4
SOCKET = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


def call(method: str, path: str, body: object = None) -> Any:
    """One call to the engine."""
    connection = HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(SOCKET)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status >= 400:  # noqa: PLR2004
        sys.exit(f"{method} {path}: {said.decode()}")
    return json.loads(said) if said[:1] in {b"{", b"["} else None


def start(name: str, told: dict[str, Any]) -> None:
    """Create and start a container, and ask it until it is healthy."""
    call("POST", f"/containers/create?name={name}", told["container"])
    call("POST", f"/containers/{name}/start")
    while told["health"]:
        asked = {"Cmd": told["health"], "AttachStdout": True, "AttachStderr": True}
        session = call("POST", f"/containers/{name}/exec", asked)["Id"]
        call("POST", f"/exec/{session}/start", {"Detach": False})
        if call("GET", f"/exec/{session}/json")["ExitCode"] == 0:
            return
        time.sleep(0.1)


def stop(name: str) -> None:
    """Stop and remove a container."""
    call("POST", f"/containers/{name}/stop?t=10")
    call("DELETE", f"/containers/{name}?v=1&force=1")


def main(verb: str, file: str) -> None:
    """Do to all, or to the first one, what the verb says."""
    told = json.loads(Path(file).read_text())
    names, network = told["names"], told["container"]["HostConfig"]["NetworkMode"]
    with ThreadPoolExecutor(THREADS) as pool:
        if verb == "up":
            call("POST", "/networks/create", {"Name": network, "Driver": "bridge"})
            list(pool.map(lambda name: start(name, told), names))
        elif verb == "change":
            stop(names[0])
            start(names[0], told)
        else:
            list(pool.map(stop, names))
            call("DELETE", f"/networks/{network}")


if __name__ == "__main__":
    main(*sys.argv[1:])
