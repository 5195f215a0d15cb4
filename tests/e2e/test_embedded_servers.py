"""Objects and workflows without Docker: the servers of the catalogue that come as wheels, really used."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.conftest import Run, service

PLATFORM = """\
nexus: v1
kind: platform
name: shop
include: [blueprints/*.yaml, "catalogue:s3", "catalogue:temporal"]
"""
Write = Callable[[str, str], Path]


@pytest.fixture
def stores(workspace: Path, write: Write, nexus: Run) -> Iterator[Path]:
    """A workspace whose one service keeps objects."""
    (workspace / "nexus.yaml").write_text(PLATFORM)
    write("ab", service("ab", 4001, uses="[s3, temporal]", run="{serve: [sleep, '1000']}"))
    yield workspace
    nexus("down", "--volumes")


def signed(root: Path, address: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """An answer to a request with an AWS signature, version 4."""
    secret = json.loads((root / ".nexus/development/credentials.json").read_text())["s3"]["secret"]
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
    content = hashlib.sha256(body).hexdigest()
    headers = {"host": address, "x-amz-content-sha256": content, "x-amz-date": moment}
    names = ";".join(headers)
    canonical = "\n".join([method, path, "", *(f"{k}:{v}" for k, v in headers.items()), "", names, content])
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=nexus/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return answered(address, method, path, body, headers)


def answered(
    address: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, bytes]:
    """A server's answer."""
    with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_objects_are_kept_in_a_bucket_of_one_s_own_and_workflows_are_served(stores: Path, nexus: Run) -> None:
    done = nexus("up", "--free-ports", "s3.ab", "temporal")
    assert done.returncode == 0, done.stderr
    units = {unit["name"]: unit for unit in json.loads(nexus("status", "-o", "json").stdout)}
    address = units["s3"]["url"].removeprefix("http://")
    assert signed(stores, address, "PUT", "/ab-objects/a", b"kept")[0] == 200
    assert answered(address, "GET", "/ab-objects/a")[0] == 403
    page = units["temporal"]["url"].removeprefix("http://")
    code, namespace = answered(page, "GET", "/api/v1/namespaces/default")
    assert (code, json.loads(namespace)["namespaceInfo"]["name"]) == (200, "default")
    nexus("down")
    again = nexus("up", "--free-ports", "s3.ab")
    assert again.returncode == 0, again.stderr
    assert signed(stores, address, "GET", "/ab-objects/a") == (200, b"kept")
