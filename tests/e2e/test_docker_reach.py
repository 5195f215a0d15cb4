"""Engines otherwise than by Docker's local socket: over TLS, by a context, over SSH, and Podman."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import trustme

from tests.conftest import Run, running
from tests.e2e.conftest import states, until
from tests.support.private_engine import PrivateEngine, PrivatePodman, need

Tiny = Callable[..., None]
IMAGE = "python:3.13-slim"
TLS_PORT, SSH_PORT = 2376, 2222  # of the engine's own network namespace
TLS_HOST = f"tcp://127.0.0.1:{TLS_PORT}"
SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/person.pub
PidFile none
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
"""
SSH = """\
#!/bin/sh
exec /usr/bin/ssh -F none -i {folder}/person -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \\
	-o LogLevel=ERROR "$@"
"""


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Nobody to wait for: the engine's network namespace has ports of its own."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as DOCKER_CERT_PATH wants it, and the engine's own pair beside it."""
    folder, authority = tmp_path_factory.mktemp("certificates"), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, certificate in {
        "": authority.issue_cert("person@example.org"),
        "server-": authority.issue_cert("127.0.0.1"),
    }.items():
        certificate.private_key_pem.write_to_path(str(folder / f"{name}key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / f"{name}cert.pem"))
    return folder


@pytest.fixture(scope="module")
def engine(
    docker_engine: str, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivateEngine]:
    need("dockerd", "ip", "nsenter", "mount")
    files = {"tlscacert": "ca.pem", "tlscert": "server-cert.pem", "tlskey": "server-key.pem"}
    options = (f"--{name}={certificates / path}" for name, path in files.items())
    made = PrivateEngine(
        tmp_path_factory.mktemp("engine") / "own", options=(f"--host={TLS_HOST}", "--tlsverify", *options)
    )
    made.start()
    made.copy_image(IMAGE, docker_engine)
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def _in_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_ENGINE", "docker")


@pytest.fixture
def nexus(workspace: Path, engine: PrivateEngine) -> Run:
    """The real command line, where the engine's containers are reached."""
    return running(workspace, engine.inside)


@pytest.fixture
def ssh(engine: PrivateEngine, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A real SSH server beside the engine, and the environment in which `ssh` is let in there."""
    need("sshd", "ssh", "ssh-keygen")
    folder = tmp_path / "ssh"
    (folder / "bin").mkdir(parents=True)
    for name in ("host", "person"):
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    (folder / "config").write_text(SSHD.format(port=SSH_PORT, folder=folder))
    (folder / "bin" / "ssh").write_text(SSH.format(folder=folder))
    (folder / "bin" / "ssh").chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([*engine.inside, "/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")])
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    knock = [*engine.inside, "ssh", "-p", str(SSH_PORT), "127.0.0.1", "true"]
    until(lambda: subprocess.run(knock, env={**os.environ, **environment}, check=False).returncode == 0)
    yield environment
    server.terminate()
    server.wait()


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


def test_tls(engine: PrivateEngine, certificates: Path, workspace: Path, nexus: Run, tiny: Tiny) -> None:
    tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
    works(nexus, tiny, workspace, DOCKER_HOST=TLS_HOST, **tls)


def test_tls_with_a_stranger_s_certificate(
    engine: PrivateEngine, workspace: Path, nexus: Run, tiny: Tiny, tmp_path: Path
) -> None:
    stranger = trustme.CA()
    pair = stranger.issue_cert("stranger@example.org")
    stranger.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    pair.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    pair.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    tiny("catalog")
    done = nexus(
        *("up", "catalog"),
        DOCKER_HOST=TLS_HOST,
        DOCKER_TLS_VERIFY="1",
        DOCKER_CERT_PATH=str(tmp_path),
    )
    assert done.returncode == 1
    assert f"no Docker engine answers at {TLS_HOST}" in done.stderr
    assert "certificate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_context(
    engine: PrivateEngine, certificates: Path, workspace: Path, nexus: Run, tiny: Tiny, tmp_path: Path
) -> None:
    need("docker")
    configured = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    files = ",".join(f"{name}={certificates / name}.pem" for name in ("ca", "cert", "key"))
    for words in (("create", "far", "--docker", f"host={TLS_HOST},{files}"), ("use", "far")):
        subprocess.run(["docker", "context", *words], check=True, env={**os.environ, **configured})
    works(nexus, tiny, workspace, **configured)


def test_ssh(engine: PrivateEngine, ssh: Mapping[str, str], workspace: Path, nexus: Run, tiny: Tiny) -> None:
    path = engine.address.removeprefix("unix://")
    works(nexus, tiny, workspace, DOCKER_HOST=f"ssh://root@127.0.0.1:{SSH_PORT}{path}", **ssh)


def test_ssh_to_where_nobody_lets_us_in(
    engine: PrivateEngine, workspace: Path, nexus: Run, tiny: Tiny
) -> None:
    tiny("catalog")
    done = nexus("up", "catalog", DOCKER_HOST="ssh://root@127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot reach root@127.0.0.1" in done.stderr
    assert "refused" in done.stderr


@pytest.fixture
def podman(docker_engine: str) -> Iterator[PrivatePodman]:
    need("podman", "runc", "ip", "nsenter", "mount")
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:  # Podman takes no long paths
        made = PrivatePodman(Path(folder) / "podman")
        made.start()
        made.copy_image(IMAGE, docker_engine)
        yield made
        made.remove()


def test_podman(podman: PrivatePodman, workspace: Path, tiny: Tiny) -> None:
    works(running(workspace, podman.inside), tiny, workspace, DOCKER_HOST=podman.address)
