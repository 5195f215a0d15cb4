"""Starts one program as a child that cannot outlive us: fork, set up, exec.

Forking is safe here because the supervisor has a single thread; nothing else may call this.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

_LINUX = sys.platform == "linux"
_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
_NEW_USER_NAMESPACE = 0x10000000  # unshare(2)
_SET_SECURE_BITS, _NO_SETUID_FIXUP = 28, 4  # prctl(2)
_AMBIENT_CAPABILITIES, _RAISE = 47, 2  # prctl(2)
_CAPABILITY_VERSION, _DAC_OVERRIDE = 0x20080522, 1  # capset(2), capabilities(7)
NOBODY = 65534


class LaunchError(Exception):
    """The program could not be started; the message says why."""


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends, so that none gets lost."""
    if _LINUX:
        _LIBC.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def launch(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    streams: tuple[int, int, int],
    unprivileged: Sequence[str] | None = None,
) -> int:
    """Start a program in its own session with `streams` as its 0, 1 and 2; returns its pid.

    `unprivileged` (when we are root) drops root, and names the folders that the program must then own.
    """
    said, say = os.pipe()  # closed by a successful exec
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(command, env, cwd, streams, unprivileged, parent, say)
    os.close(say)
    with os.fdopen(said, "rb") as stream:
        fault = stream.read().decode(errors="replace")
    if fault:
        os.waitpid(pid, 0)
        raise LaunchError(fault)
    return pid


def _become(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: str | None,
    streams: tuple[int, int, int],
    unprivileged: Sequence[str] | None,
    parent: int,
    say: int,
) -> NoReturn:
    """In the child: everything between fork and exec."""
    doing = f"enter {cwd}"
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if signal.getsignal(number) not in (signal.SIG_DFL, None):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for target, source in enumerate(streams):
            os.dup2(source, target)
        os.umask(0o022)
        os.chdir(cwd or "/")
        doing = "drop the rights of root"
        if unprivileged is not None and os.geteuid() == 0:
            _drop_root(unprivileged)
        _die_with(parent)  # last: giving up rights would clear it
        doing = f"run {command[0]}"
        os.execvpe(command[0], list(command), dict(env))  # noqa: S606 - never a shell
    except OSError as error:
        os.write(say, f"cannot {doing}: {error.strerror}".encode())
    finally:
        os._exit(127)


def _die_with(parent: int) -> None:
    if _LINUX:
        _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(127)


def _drop_root(folders: Sequence[str]) -> None:
    """Stop being root: as `nobody` of a user namespace of our own, else as the real `nobody`.

    In the namespace our files still look like our own, so nothing has to change hands. The real one may
    pass our private folders on the way to its own, which takes a capability.
    """
    if _LINUX and _LIBC.unshare(_NEW_USER_NAMESPACE) == 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{NOBODY} 0 1")
        _write("/proc/self/gid_map", f"{NOBODY} 0 1")
        return
    for folder in folders:
        _give(folder)
        for parent, names, files in os.walk(folder):
            for name in (*names, *files):
                _give(os.path.join(parent, name))  # noqa: PTH118 - pathlib is slow to load
    _LIBC.prctl(_SET_SECURE_BITS, _NO_SETUID_FIXUP, 0, 0, 0)  # or setuid and access(2) forget capabilities
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    _LIBC.capset(
        struct.pack("Ii", _CAPABILITY_VERSION, 0), struct.pack("6I", *[1 << _DAC_OVERRIDE] * 3, 0, 0, 0)
    )
    _LIBC.prctl(_AMBIENT_CAPABILITIES, _RAISE, _DAC_OVERRIDE, 0, 0)


def _give(path: str) -> None:
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
