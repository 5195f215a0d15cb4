"""A Go service's programs `<folder>/.build`: built from its sources, replaced whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nexus_cli.engine import tools
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.process import run
from nexus_cli.unit import GoProject

STAMP = "nexus-stamp"
_GO = tools.TOOLCHAINS["go"]
_SOURCES = ("cmd", "internal", "migrations")  # and go.mod, and the lock
_SECONDS = 1800.0
_LINES = 10


def binaries(project: GoProject) -> Path:
    """Where the project's programs lie."""
    return project.folder / ".build"


def programs(project: GoProject) -> Sequence[Path]:
    """The folder of its programs; they need nothing else."""
    return [binaries(project)]


def built(project: GoProject) -> bool:
    """Whether the programs fit the sources."""
    return _ours(binaries(project)) and (binaries(project) / STAMP).read_text(encoding="utf-8") == _stamp(
        project
    )


def build(project: GoProject, progress: Progress) -> None:
    """Build the programs, unless they fit; a kill at any moment leaves the old ones or the new ones."""
    folder, stamp = binaries(project), _stamp(project)
    with tools.only_one(project.folder):
        if built(project):
            return
        if folder.exists() and not _ours(folder):
            raise NexusError(f"{folder} was not made by nexus", hint="remove it, then run the command again")
        fresh = project.folder / ".build.new"
        tools.remove(fresh)
        fresh.mkdir()
        _compile(project, fresh, progress)
        (fresh / STAMP).write_text(stamp, encoding="utf-8")
        tools.replace_folder(folder, fresh)
        tools.remove(fresh)


def _compile(project: GoProject, fresh: Path, progress: Progress) -> None:
    """Build every command of the project, with the modules that the lock says, from where Go finds them."""
    go = compiler(project, progress)
    progress(f"building {binaries(project)}")
    done = run(
        [str(go), "build", "-o", f"{fresh}{os.sep}", "./cmd/..."],
        cwd=project.folder,
        env=settings(os.environ),
        timeout=_SECONDS,
        on_line=progress,
    )
    if done.code:
        said = [line for line in done.err.splitlines() if not line.startswith("go: downloading ")]
        raise NexusError(
            "\n  ".join([f"{project.folder} could not be built:", *said[:_LINES]]),
            hint="repair what is named; if it is a module, check the network and GOPROXY",
        )


def settings(own: Mapping[str, str]) -> dict[str, str]:
    """A person's own settings, but no other compiler, lock or workspace than those of the project.

    They are the same for all that is done with Go: what one command has compiled, no other compiles again.
    """
    flags = f"{own.get('GOFLAGS', '')} -mod=readonly -buildvcs=false -trimpath".strip()
    return {**own, "GOFLAGS": flags, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}


def compiler(project: GoProject, progress: Progress) -> Path:
    """This machine's Go if it is new enough for the project, else nexus's own."""
    found = shutil.which("go")
    if found and _version(_said(found)) >= _wanted(project):
        return Path(found)
    tools.install(_GO, progress)
    return tools.programs(_GO) / "go"


def _said(go: str) -> str:
    return run([go, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}, timeout=_SECONDS).out


def _wanted(project: GoProject) -> tuple[int, ...]:
    text = _read(project.folder / "go.mod").decode(errors="replace")
    line = re.search(r"^go (\S+)$", text, re.MULTILINE)
    return _version(line[1] if line else "")


def _version(text: str) -> tuple[int, ...]:
    """The numbers of `1.26.0` or `go1.26.8`; none of what is not a release."""
    match = re.fullmatch(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return tuple(int(number) for number in match.groups() if number) if match else ()


def _stamp(project: GoProject) -> str:
    """What the programs are built from: the sources, and the lock."""
    digest = hashlib.blake2b(digest_size=16)
    for path in _files(project):
        name = os.path.relpath(path, project.folder)
        digest.update(name.encode() + b"\0" + _read(path) + b"\0")
    return f"{digest.hexdigest()}\n"


def _files(project: GoProject) -> Iterator[Path]:
    yield from (project.folder / name for name in ("go.mod", project.lock))
    for folder in (*(project.folder / name for name in _SOURCES), *project.packages):
        found = sorted(folder.rglob("*"))
        yield from (path for path in found if path.is_file() and not path.name.endswith("_test.go"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="generate the service again, or `go mod tidy`"
        ) from error


def _ours(folder: Path) -> bool:
    return (folder / STAMP).is_file()
