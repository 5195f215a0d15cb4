"""A Docker engine of a test's own, that may be stopped, killed and filled up without harm to anybody."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Self

from nexus_cli.engine.docker.client import Conflict, NotFound, connect, silence, translated
from tests.conftest import skip_for
from tests.support.small_disk import mount, unmount

_SECONDS = 60.0
PODMAN = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""


class PrivateEngine:
    """A dockerd on a file system of `size`, reached at `address`; `options` are more of its command line.

    It lives in its own network namespace, where its bridges and packet filter are nobody else's: from outside
    it is as far away as one on another machine. `host` is what it is reached by; `inside` stands before a
    command that has to reach its containers.
    """

    def __init__(self, folder: Path, *, size: str = "900m", options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self.options = options
        self.namespace = f"nexus-{secrets.token_hex(4)}"
        self.inside = ["nsenter", f"--net=/run/netns/{self.namespace}"]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        with contextlib.ExitStack() as made:
            # The cable goes with the namespace that one of its ends is in.
            subprocess.run(["ip", "netns", "add", self.namespace], check=True)
            made.callback(subprocess.run, ["ip", "netns", "delete", self.namespace], check=True)
            subprocess.run([*self.inside, "ip", "link", "set", "lo", "up"], check=True)
            self.host = _joined(self.namespace)
            mount(folder, size)
            made.callback(unmount, folder)
            self._made = made.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = self._spawn(log)
        deadline = time.monotonic() + _SECONDS
        while silence(self.address):
            assert self._process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal; what it ran goes on only if the signal gives it no time."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(_SECONDS)
        for path in ("pid", "exec/containerd/containerd.pid"):  # numbers that others may have by now
            (self.folder / path).unlink(missing_ok=True)

    def copy_image(self, reference: str, origin: str) -> None:
        """Load an image from another engine."""
        source, target = (connect(at, timeout=300) for at in (origin, self.address))
        target.api.load_image(b"".join(source.api.get_image(reference)))
        source.close()
        target.close()

    def remove(self) -> None:
        """Stop it and everything that it ran, and give the memory back."""
        with self._made:
            if self._process is None:
                return
            try:
                self._end()
            finally:
                if self._process.poll() is None:
                    self._process.kill()
                    self._process.wait()

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self.start()  # a killed one left containers behind
        client = connect(self.address)
        for container in client.api.containers(all=True):
            with contextlib.suppress(NotFound, Conflict), translated():  # what goes by itself
                client.api.remove_container(container["Id"], force=True, v=True)
        for network in client.api.networks():
            if network["Driver"] == "bridge" and network["Name"] not in {"bridge", "podman"}:
                client.api.remove_network(network["Id"])
        client.close()
        self.stop()

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        environment["CONTAINERS_CONF"] = str(self.folder / "containers.conf")
        command = [*self.inside, *self._command(), *self.options]
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def _command(self) -> list[str]:
        data, runtime, pid = (str(self.folder / name) for name in ("data", "exec", "pid"))
        own = ["--data-root", data, "--exec-root", runtime, "--pidfile", pid]
        return ["dockerd", *own, "--host", self.address]

    def _said(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]


class PrivatePodman(PrivateEngine):
    """Podman's service, which answers as a Docker engine does."""

    def _command(self) -> list[str]:
        (self.folder / "containers.conf").write_text(PODMAN, encoding="utf-8")
        own = ["--root", str(self.folder / "data"), "--runroot", str(self.folder / "exec")]
        return ["podman", *own, "system", "service", "--time", "0", self.address]


def need(*programs: str) -> None:
    """Skip a test for which this machine lacks a program or rights; CI may not do without."""
    missing = [
        name for name in programs if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]
    reason = f"{', '.join(missing)} is not installed" if missing else ""
    reason = reason or ("an engine of its own needs root" if os.geteuid() else "")
    skip_for(reason)


def _joined(namespace: str) -> str:
    """Join a network namespace to this one by a cable; the address at its far end.

    The addresses are of a range that is set apart for tests of network devices.
    """
    far = f"198.18.{secrets.randbelow(256)}.{4 * secrets.randbelow(64) + 2}"
    network, last = far.rsplit(".", 1)
    cable = f"nx{namespace[-8:]}"
    for command in (
        ["link", "add", cable, "type", "veth", "peer", "name", "far", "netns", namespace],
        ["address", "add", f"{network}.{int(last) - 1}/30", "dev", cable],
        ["link", "set", cable, "up"],
        ["-n", namespace, "address", "add", f"{far}/30", "dev", "far"],
        ["-n", namespace, "link", "set", "far", "up"],
    ):
        subprocess.run(["ip", *command], check=True)
    return far
