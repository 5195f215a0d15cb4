"""Ways to a private engine from another machine, as it were: TLS with certificates, and a real SSH server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.e2e.conftest import until
from tests.support.private_engine import PrivateEngine

TLS_PORT, SSH_PORT = 2376, 2222  # of the engine's own network namespace
_SSHD = """\
Port {port}
ListenAddress {host}
HostKey {folder}/host
AuthorizedKeysFile {folder}/person.pub
PidFile none
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
"""
_SSH = """\
#!/bin/sh
exec /usr/bin/ssh -F none -i {folder}/person -o UserKnownHostsFile={folder}/known \\
	-o StrictHostKeyChecking=yes -o BatchMode=yes -o LogLevel=ERROR "$@"
"""


def listen_with_tls(engine: PrivateEngine, folder: Path) -> str:
    """Have an engine that starts later listen for whoever has the certificates in the folder; its address."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, certificate in {
        "": authority.issue_cert("person@example.org"),
        "server-": authority.issue_cert(engine.host),
    }.items():
        certificate.private_key_pem.write_to_path(str(folder / f"{name}key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / f"{name}cert.pem"))
    address = f"tcp://{engine.host}:{TLS_PORT}"
    files = {"tlscacert": "ca.pem", "tlscert": "server-cert.pem", "tlskey": "server-key.pem"}
    trusting = (f"--{name}={folder / path}" for name, path in files.items())
    engine.options = (f"--host={address}", "--tlsverify", *trusting)
    return address


@contextmanager
def ssh_server(engine: PrivateEngine, folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """An SSH server on the engine's machine: the engine's address, and the environment of who is let in."""
    (folder / "bin").mkdir(parents=True)
    for name in ("host", "person"):
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[{engine.host}]:{SSH_PORT} {key}\n")
    (folder / "config").write_text(_SSHD.format(port=SSH_PORT, folder=folder, host=engine.host))
    (folder / "bin" / "ssh").write_text(_SSH.format(folder=folder))
    (folder / "bin" / "ssh").chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([*engine.inside, "/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")])
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    knock = [str(folder / "bin" / "ssh"), "-p", str(SSH_PORT), engine.host, "true"]
    try:
        until(lambda: subprocess.run(knock, check=False, capture_output=True).returncode == 0)
        yield f"ssh://root@{engine.host}:{SSH_PORT}{engine.address.removeprefix('unix://')}", environment
    finally:
        server.terminate()
        server.wait()
