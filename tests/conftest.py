"""Fixtures that many tests share: small workspaces and the real binary."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.engine.docker.client import address, connect, silence
from nexus_cli.engine.docker.images import present
from tests.support.small_disk import unmount_abandoned

os.environ["NEXUS_ENGINE"] = "process"  # unless a test says otherwise
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as it is for what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what the tests run shall hear it
IMAGES = (
    "python:3.13-slim",
    "postgres:18.1",
    "valkey/valkey:9.1",
    "nats:2.12-alpine",
    "envoyproxy/envoy:v1.40.0",
)
Run = Callable[..., "subprocess.CompletedProcess[str]"]
NEXUS = [sys.executable, "-m", "nexus_cli"]
PLATFORM = """\
nexus: v1
kind: platform
name: shop
include:
  - blueprints/**/*.yaml
  - "catalogue:postgres"
  - "catalogue:redis"
  - "catalogue:nats"
  - "catalogue:gateway"
"""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin without file systems that a killed run left mounted."""
    if not hasattr(session.config, "workerinput"):
        unmount_abandoned()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give one worker what another would have to make again, or would only wait for."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Scheduler(config, log)


def group(nodeid: str) -> str:
    """What one worker runs: all tests that take the catalogue's ports, or a module that makes much once.

    Of the conformance suite, that is the part of one type of service.
    """
    path, _, test = nodeid.partition("::")
    if path.startswith("tests/e2e/"):
        return "tests/e2e"
    if not path.startswith(("tests/templates/", "tests/sdk/", "tests/testing/test_guarded")):
        return nodeid
    return f"{path} {test.partition('[')[2].partition('-')[0]}" if "conformance" in path else path


@pytest.fixture(scope="session")
def docker_engine() -> str:
    """The address of a Docker engine that has the images which most tests use."""
    return engine_with(*IMAGES)


def engine_with(*images: str) -> str:
    """The address of a Docker engine that has the images; without one a test is skipped, but not in CI."""
    where = address()
    reason = silence(where)
    if not reason:
        missing = set(images) - present(connect(where))
        reason = f"{', '.join(sorted(missing))}: run `nexus images build`" if missing else ""
    skip_for(f"no Docker engine with the images: {reason}" if reason else "")
    return where


def skip_for(reason: str) -> None:
    """Skip a test for what this machine lacks, if anything; CI may not do without."""
    if reason and os.environ.get("NEXUS_REQUIRE_DOCKER"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(params=["process", "docker"])
def on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine that the test's platform runs on: each of both in turn."""
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    monkeypatch.setenv("NEXUS_ENGINE", request.param)
    return str(request.param)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace with the four components of the catalogue."""
    root = tmp_path / "shop"
    (root / "blueprints").mkdir(parents=True)
    (root / "nexus.yaml").write_text(PLATFORM, encoding="utf-8")
    return root


@pytest.fixture
def write(workspace: Path) -> Callable[[str, str], Path]:
    """Writes a blueprint of the workspace."""

    def write_file(name: str, text: str) -> Path:
        path = workspace / "blueprints" / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def nexus(workspace: Path) -> Run:
    """Runs the real command line inside the workspace."""
    return running(workspace)


def running(root: Path, before: Sequence[str] = ()) -> Run:
    """What runs the real command line in a folder; `before` stands before it."""

    def run(*arguments: str, cwd: Path | None = None, input: str | None = None, **env: str):  # noqa: A002
        return subprocess.run(
            [*before, *NEXUS, *arguments],
            cwd=cwd or root,
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120", **env},
        )

    return run


def service(name: str, port: int, **more: object) -> str:
    """A service's blueprint as text."""
    lines = ["nexus: v1", "kind: service", f"name: {name}", f"port: {port}"]
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in more.items())]) + "\n"
