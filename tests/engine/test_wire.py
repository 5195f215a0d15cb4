"""What an engine may answer on its socket, as bytes."""

from __future__ import annotations

import io
import socket
import threading
from pathlib import Path

import pytest

from nexus_cli.engine.docker.client import EngineUnreachable
from nexus_cli.engine.docker.local import LocalApi
from nexus_cli.engine.docker.wire import Answer


def answer(said: bytes) -> Answer:
    return Answer(io.BytesIO(said))


def test_a_body_of_a_length_ends_there() -> None:
    found = answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone and more")
    assert (found.status, found.read(), found.read()) == (404, b"none", b"")


def test_chunks_are_one_body_however_it_is_read() -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
    assert answer(said).read() == b"abcdefg"
    piecewise = answer(said)
    assert [piecewise.read(2), piecewise.read(3), piecewise.read(9), piecewise.read(1)] == [
        b"ab",
        b"cde",
        b"fg",
        b"",
    ]


def test_a_body_of_no_length_ends_with_the_connection() -> None:
    assert answer(b"HTTP/1.1 200 OK\r\nContent-Type: application/x\r\n\r\nall of it").read() == b"all of it"


def test_no_content_has_no_body() -> None:
    assert answer(b"HTTP/1.1 204 No Content\r\n\r\nwhat does not belong to it").read() == b""


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 fine\r\n\r\n"])
def test_what_is_no_answer_is_said(said: bytes) -> None:
    with pytest.raises(ValueError, match="does not answer as an engine does"):
        answer(said)


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: 9\r\n\r\n[1, 2",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
    ],
)
def test_an_answer_that_breaks_off_is_not_taken_for_whole(said: bytes) -> None:
    with pytest.raises(ValueError, match="broke off"):
        answer(b"HTTP/1.1 200 OK\r\n" + said).read()


@pytest.mark.parametrize("said", [b"Content-Length: 9\r\n\r\n[1, 2", b"Content-Length: 3\r\n\r\n[1,"])
def test_an_engine_that_breaks_off_is_a_fault_in_words(said: bytes, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/engine")
        listener.listen()

        def once() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1 << 16)
                peer.sendall(b"HTTP/1.1 200 OK\r\n" + said)

        engine = threading.Thread(target=once)
        engine.start()
        with pytest.raises(EngineUnreachable, match="no Docker engine answers"):
            LocalApi(f"unix://{tmp_path}/engine").images()
        engine.join(10)
