"""What BuildKit's own record of a build says."""

from __future__ import annotations

import base64

from nexus_cli.engine.docker.buildkit import TRACE, Progress

VERTEXES, LOGS = 1, 3
DIGEST, NAME, STARTED, ERROR = 1, 3, 5, 7
VERTEX, TEXT = 1, 4


def message(*fields: tuple[int, bytes]) -> bytes:
    """A protobuf message of short fields."""
    return b"".join(bytes([number << 3 | 2, len(value)]) + value for number, value in fields)


def step(digest: bytes, name: bytes, error: bytes = b"") -> tuple[int, bytes]:
    failed = [(ERROR, error)] if error else []
    return VERTEXES, message((DIGEST, digest), (NAME, name), (STARTED, b""), *failed)


def test_steps_that_were_stopped_beside_it_are_not_the_one_that_failed() -> None:
    progress = Progress()
    told = (
        message(step(b"a", b"RUN make"), step(b"b", b"RUN lint"), step(b"c", b"RUN test")),
        message((LOGS, message((VERTEX, b"b"), (TEXT, b"line 3 is wrong\n")))),
        message(step(b"a", b"RUN make", b"process did not complete: context canceled")),
        message(step(b"b", b"RUN lint", b"process did not complete: exit code: 2")),
        message(step(b"c", b"RUN test", b"context canceled")),
        message(step(b"a", b"RUN make", b"process did not complete: exit code: 137")),
    )
    begun = [
        name for said in told for name in progress.take({"id": TRACE, "aux": base64.b64encode(said).decode()})
    ]
    assert begun == ["RUN make", "RUN lint", "RUN test"]
    assert (progress.step, progress.lines) == ("RUN lint", ["line 3 is wrong"])
