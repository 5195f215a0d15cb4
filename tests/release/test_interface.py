"""What a release offers: asked of whatever answers there, and kept only when it is something."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from nexus_cli.release import artifact, interface
from nexus_cli.release.record import Artifact, Release
from nexus_cli.workspace import find

DOCUMENT = json.dumps({"openapi": "3.1.0", "info": {"title": "order", "version": "1"}, "paths": {}})
RELEASE = Release("v1", "", False, "ann", "", 0.0, {}, {"order": Artifact("abc")})


def http(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def answering(answer: bytes) -> str:
    """The address of what gives one answer, whatever it is asked."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server, server.accept()[0] as peer:
            peer.recv(4096)
            peer.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-nothing\r\n",
        http("v2"),
        http("[]"),
        http("{}"),
        http(DOCUMENT, "404 Not Found"),
        http(DOCUMENT)[:-9],
        http("\0")[:-1] + b"\xff",
    ],
    ids=["nothing", "no http", "no json", "no object", "no openapi", "not found", "cut off", "no text"],
)
def test_what_is_no_document_is_not_kept(workspace: Path, answer: bytes) -> None:
    place = find(workspace)
    artifact.folder(place, "order", RELEASE.artifacts["order"]).mkdir(parents=True)
    interface.keep(place, "order", RELEASE, answering(answer))
    assert not artifact.beside(place, "order", "abc", "openapi.json").exists()


def test_a_document_is_kept_beside_the_code_and_goes_with_it(workspace: Path) -> None:
    place = find(workspace)
    interface.keep(place, "order", RELEASE, answering(http(DOCUMENT)))
    kept = artifact.beside(place, "order", "abc", "openapi.json")
    assert not kept.exists()  # where the code is not, nothing is known of it
    artifact.folder(place, "order", RELEASE.artifacts["order"]).mkdir(parents=True)
    interface.keep(place, "order", RELEASE, answering(http(DOCUMENT)))
    assert kept.read_text() == DOCUMENT
    assert [*artifact.kept(place)] == [("order", "abc")]
    artifact.forget(place, "order", "abc")
    assert not kept.exists()
