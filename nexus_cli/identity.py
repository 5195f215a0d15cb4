"""Who a process is: a pid means nothing by itself, since the kernel gives it to the next one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

_LINUX = sys.platform == "linux"


class Identity(NamedTuple):
    """A process that cannot be mistaken: `started` is the kernel's clock, which `boot` began."""

    pid: int
    started: float
    boot: str


def identify(pid: int) -> Identity | None:
    """The living process of that pid; one that ended and was not yet reaped does not live."""
    if not _LINUX:
        return _identify_elsewhere(pid)
    fields = _stat(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return Identity(pid, float(fields[19]), boot_id())


def alive(identity: Identity) -> bool:
    """Whether exactly this process lives, and not another one with its pid."""
    return identify(identity.pid) == identity


def boot_id() -> str:
    """What tells this start of the machine from every other."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:  # noqa: PTH123 - pathlib is slow to load
            return stream.read().strip()
    except OSError:
        return ""


def children(pid: int) -> Iterator[int]:
    """The living children of a process (on Linux; elsewhere none are known)."""
    if not _LINUX:
        return
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            fields = _stat(int(name))
            if fields is not None and fields[0] not in "ZX" and int(fields[1]) == pid:
                yield int(name)


def marked(variable: bytes) -> Iterator[int]:
    """Every process whose environment had `variable` (`NAME=value`, or a beginning of it) at its start."""
    if not _LINUX:
        return
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as stream:  # noqa: PTH123
                environment = stream.read()
        except OSError:
            continue
        if environment.startswith(variable) or b"\0" + variable in environment:
            yield int(name)


def port_holder(port: int) -> str | None:
    """Who listens on a TCP port: `python3 (pid 123) in /path`, or less where the system tells less."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return _describe(connection.pid, port)
    return None


def _describe(pid: int | None, port: int) -> str:
    import psutil

    if pid is None:
        owner = _port_owner(port)
        return f"a program of user {owner}" if owner else "a program of another user"
    process = psutil.Process(pid)
    try:
        name = process.name()
    except psutil.Error:
        return f"pid {pid}"
    try:
        return f"{name} (pid {pid}) in {process.cwd()}"
    except psutil.Error:
        return f"{name} (pid {pid})"


def _port_owner(port: int) -> str | None:
    """The user of a listening socket, which the kernel tells everybody."""
    import pwd

    for row in _listeners():
        if int(row[1].rsplit(":", 1)[1], 16) == port:
            try:
                return pwd.getpwuid(int(row[7])).pw_name
            except KeyError:
                return row[7]
    return None


def listens_elsewhere(port: int, leader: int) -> bool:
    """Whether a TCP port is listened on, but by nobody of the leader's session (Linux; elsewhere False)."""
    inodes = {row[9] for row in _listeners() if int(row[1].rsplit(":", 1)[1], 16) == port}
    if not inodes:
        return False
    wanted = {f"socket:[{inode}]" for inode in inodes}
    if _holds(leader, wanted):
        return False
    members = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    return not any(_holds(pid, wanted) for pid in members if pid != leader and session(pid) == leader)


def _listeners() -> Iterator[list[str]]:
    """The rows of the kernel's tables of TCP sockets that listen."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as stream:  # noqa: PTH123
                rows = [line.split() for line in stream][1:]
        except OSError:
            continue
        yield from (row for row in rows if row[3] == "0A")


def _holds(pid: int, sockets: set[str]) -> bool:
    """Whether a process has one of the sockets open; one that we may not look into is believed to."""
    folder = f"/proc/{pid}/fd"
    try:
        for name in os.listdir(folder):  # noqa: PTH208
            try:
                if os.readlink(f"{folder}/{name}") in sockets:  # noqa: PTH115
                    return True
            except FileNotFoundError:
                continue
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def session(pid: int) -> int | None:
    """The session that a process belongs to, which is the pid of the process that began it."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: state, parent, ..., start time in ticks at [19]."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            return stream.read().rpartition(")")[2].split()
    except OSError:
        return None


def _identify_elsewhere(pid: int) -> Identity | None:
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else Identity(pid, process.create_time(), boot_id())
    except psutil.Error:
        return None
