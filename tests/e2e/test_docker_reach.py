"""Engines otherwise than by Docker's local socket: over TLS, by a context, over SSH, and Podman."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from nexus_cli.engine.docker.client import connect
from tests.conftest import Run, running
from tests.e2e.conftest import states
from tests.support.far_engine import listen_with_tls, ssh_server
from tests.support.private_engine import PrivateEngine, PrivatePodman, need

Tiny = Callable[..., None]
IMAGE = "python:3.13-slim"


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Nobody to wait for: the engine's network namespace has ports of its own."""


@dataclass(frozen=True)
class Far:
    """An engine on another machine, its address there, and the folder of certificates for it."""

    engine: PrivateEngine
    address: str
    certificates: Path

    @property
    def trust(self) -> dict[str, str]:
        """The environment of a command that is let in."""
        known = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.certificates)}
        return {"DOCKER_HOST": self.address, **known}


@pytest.fixture(scope="module")
def far(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    need("dockerd", "ip", "nsenter", "mount")
    certificates = tmp_path_factory.mktemp("certificates")
    with PrivateEngine(tmp_path_factory.mktemp("engine") / "own") as made:
        address = listen_with_tls(made, certificates)
        made.start()
        made.copy_image(IMAGE, docker_engine)
        yield Far(made, address, certificates)


@pytest.fixture(autouse=True)
def _in_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_ENGINE", "docker")


def works(nexus: Run, tiny: Tiny, workspace: Path, **environment: str) -> None:
    """A platform comes up, is seen, is logged, runs a command and goes again."""
    (workspace / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: shop\n")
    tiny("catalog")
    tiny("order", uses=["catalog"])
    done = nexus("up", "--free-ports", **environment)
    assert done.returncode == 0, done.stderr
    assert states(nexus, **environment) == {"catalog": "ready", "order": "ready"}
    assert "listening" in nexus("logs", "order", **environment).stdout
    assert nexus("exec", "order", "python", "-c", "print(6 * 7)", **environment).stdout == "42\n"
    shout = ("python", "-c", "import sys; print(sys.stdin.read().upper())")
    assert nexus("exec", "order", *shout, input="hello", **environment).stdout == "HELLO\n"
    assert nexus("run", "order", *shout, input="hello", **environment).stdout == "HELLO\n"
    assert "nothing to do" in nexus("up", **environment).stderr
    assert nexus("down", "--volumes", **environment).returncode == 0


def test_tls(far: Far, workspace: Path, nexus: Run, tiny: Tiny) -> None:
    works(nexus, tiny, workspace, **far.trust)
    assert connect(far.engine.address).api.containers(all=True) == []


def test_tls_with_a_stranger_s_certificate(far: Far, nexus: Run, tiny: Tiny, tmp_path: Path) -> None:
    stranger = trustme.CA()
    pair = stranger.issue_cert("stranger@example.org")
    stranger.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    pair.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    pair.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    tiny("catalog")
    done = nexus("up", "catalog", **{**far.trust, "DOCKER_CERT_PATH": str(tmp_path)})
    assert done.returncode == 1
    assert f"no Docker engine answers at {far.address}" in done.stderr
    assert "has no certificate of the authority in ca.pem" in done.stderr
    shutil.copy(far.certificates / "ca.pem", tmp_path / "ca.pem")
    done = nexus("up", "catalog", **{**far.trust, "DOCKER_CERT_PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "it does not take the certificate in cert.pem" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_context(far: Far, nexus: Run, tiny: Tiny, tmp_path: Path) -> None:
    need("docker")
    configured = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    files = ",".join(f"{name}={far.certificates / name}.pem" for name in ("ca", "cert", "key"))
    for words in (("create", "far", "--docker", f"host={far.address},{files}"), ("use", "far")):
        subprocess.run(["docker", "context", *words], check=True, env={**os.environ, **configured})
    tiny("catalog")
    assert nexus("up", "catalog", "--free-ports", **configured).returncode == 0
    assert states(nexus, **configured)["catalog"] == "ready"
    assert nexus("down", "--volumes", **configured).returncode == 0
    done = nexus("status", DOCKER_CONTEXT="farther", **configured)
    assert "there is no Docker context farther" in done.stderr


def test_ssh(far: Far, workspace: Path, nexus: Run, tiny: Tiny, tmp_path: Path) -> None:
    need("sshd", "ssh", "ssh-keygen")
    with ssh_server(far.engine, tmp_path / "ssh") as (address, environment):
        works(nexus, tiny, workspace, DOCKER_HOST=address, **environment)
        (tmp_path / "ssh" / "known").write_text("")
        done = nexus("status", DOCKER_HOST=address, **environment)
    assert done.returncode == 1
    assert "Host key verification failed" in done.stderr
    assert "connect once and look at its key: `ssh -p 2222 root@" in done.stderr


@pytest.mark.parametrize("scheme", ["ssh://root@", "tcp://"])
def test_a_machine_that_is_down(scheme: str, nexus: Run, tiny: Tiny) -> None:
    tiny("catalog")
    done = nexus("up", "catalog", DOCKER_HOST=f"{scheme}127.0.0.1:1")
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "refused" in done.stderr
    assert done.stderr.count("\n") == 2  # what is wrong, and what to do


@pytest.fixture
def podman(docker_engine: str) -> Iterator[PrivatePodman]:
    need("podman", "runc", "ip", "nsenter", "mount")
    with (
        tempfile.TemporaryDirectory(prefix="nexus-") as folder,  # Podman takes no long paths
        PrivatePodman(Path(folder) / "podman") as made,
    ):
        made.start()
        made.copy_image(IMAGE, docker_engine)
        yield made


def test_podman(podman: PrivatePodman, workspace: Path, tiny: Tiny) -> None:
    works(running(workspace, podman.inside), tiny, workspace, DOCKER_HOST=podman.address)
