"""A Node service's packages `<folder>/node_modules`: as locked, and replaced whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nexus_cli.engine import tools
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.process import Completed, run
from nexus_cli.unit import NodeProject

STAMP = ".nexus-stamp"
_NODE = tools.TOOLCHAINS["node"]
_SECONDS = 1800.0
_LINES = 20
_QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--no-progress", "--loglevel=error")


def packages(project: NodeProject) -> Path:
    """Where the project's packages lie."""
    return project.folder / "node_modules"


def programs(project: NodeProject) -> Sequence[Path]:
    """The programs of its packages, then those of Node itself."""
    return [packages(project) / ".bin", tools.programs(_NODE)]


def variables(project: NodeProject) -> Mapping[str, str]:
    """Where Node keeps what it compiled, and the condition under which packages run as they lie here.

    Without the first, every start strips the types of all TypeScript anew: half of what a start costs.
    """
    kept = {"NODE_COMPILE_CACHE": str(packages(project) / ".cache" / "compiled")}
    return kept | ({"NODE_OPTIONS": "--conditions=workspace"} if project.packages else {})


def built(project: NodeProject) -> bool:
    """Whether the packages fit the lock; those that a person installed are taken as they are."""
    folder = packages(project)
    if not tools.installed(_NODE) or not folder.is_dir():
        return False
    if not all(built(one) for one in _needing(project)):
        return False
    return (not _ours(folder) or _fits(project)) and _made(project)


def build(project: NodeProject, progress: Progress) -> None:
    """Install the packages and build, unless they fit; a kill at any moment leaves the old or the new."""
    tools.install(_NODE, progress)
    for package in _needing(project):
        build(package, progress)
    with tools.only_one(project.folder):
        _install(project, progress)
        if not _made(project):
            _make(project, progress)


def _install(project: NodeProject, progress: Progress) -> None:
    folder, stamp = packages(project), _stamp(project)
    if folder.is_dir() and not _ours(folder):
        progress(f"{folder} was not made by nexus and is used as it is; remove it to have it built")
        return
    if _fits(project):
        return
    fresh = project.folder / ".node_modules.new"
    tools.remove(fresh)
    fresh.mkdir()
    _fill(project, fresh, progress)
    (fresh / "node_modules").mkdir(exist_ok=True)  # npm makes none for a service without dependencies
    for name, place in _links(project).items():
        link = fresh / "node_modules" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(place)
    (fresh / "node_modules" / STAMP).write_text(stamp, encoding="utf-8")
    tools.replace_folder(folder, fresh / "node_modules")
    tools.remove(fresh)


def _fill(project: NodeProject, fresh: Path, progress: Progress) -> None:
    """Install what runs or builds the service, beside the folder that it will replace; without scripts."""
    progress(f"installing {packages(project)}")
    for name in ("package.json", project.lock, ".npmrc"):
        if (project.folder / name).is_file():
            shutil.copy(project.folder / name, fresh)
    wanted = () if project.makes or project.tested else ("--omit=dev",)
    done = npm("ci", *wanted, "--ignore-scripts", *_QUIET, cwd=fresh, progress=progress)
    if done.code:
        raise NexusError(
            f"{project.folder / project.lock} could not be installed: {_reason(done)}",
            hint="check the network and npm's registry setting, then run the command again",
        )


def _make(project: NodeProject, progress: Progress) -> None:
    """Run the project's own script, which replaces what is there once it has succeeded."""
    made = project.folder / project.makes
    progress(f"building {made}")
    stamp = _source_stamp(project)  # of what is there now: who changes it meanwhile has it built again
    done = npm("run", "build", "--silent", cwd=project.folder, progress=lambda _: None)
    if done.code:
        said = [line for line in (done.out + done.err).splitlines() if line.strip()]
        raise NexusError(
            "\n  ".join([f"{project.folder} could not be built:", *said[-_LINES:]]),
            hint="repair what is named; `npm run build` says it again",
        )
    (made / STAMP).write_text(stamp, encoding="utf-8")


def _made(project: NodeProject) -> bool:
    """Whether what is served is made of the sources as they are."""
    stamp = project.folder / project.makes / STAMP
    return not project.makes or _says(stamp, _source_stamp(project))


def _source_stamp(project: NodeProject) -> str:
    digest = hashlib.blake2b(digest_size=16)
    tops = [project.folder / name for name in (*project.sources, project.lock)]
    for top in (*tops, *(folder / name for folder in project.packages for name in project.shared)):
        for path in [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file()):
            name = os.path.relpath(path, project.folder)
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{digest.hexdigest()} {_NODE.requirement}\n"


def npm(*arguments: str, cwd: Path, progress: Progress) -> Completed:
    """Run npm on nexus's own Node."""
    folder = tools.programs(_NODE)
    path = os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])
    return run(
        [str(folder / "npm"), *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        timeout=_SECONDS,
        on_line=progress,
    )


def _reason(done: Completed) -> str:
    """Why npm failed, on one line: what it says first that is neither a code nor the way to its log."""
    said = [line.removeprefix("npm error").strip() for line in done.err.splitlines()]
    told = [line for line in said if line and not line.startswith(("code ", "errno ", "A complete log"))]
    return told[0] if told else f"npm ended with exit code {done.code}"


def _stamp(project: NodeProject) -> str:
    """What the packages are installed from: the lock, the Node that they are installed for, and links."""
    digest = hashlib.blake2b(_read(project.folder / project.lock), digest_size=16).hexdigest()
    links = "".join(f" {name}={place}" for name, place in _links(project).items())
    kind = " to build" if project.makes or project.tested else ""
    return f"{digest} {_NODE.requirement}{links}{kind}\n"


def _fits(project: NodeProject) -> bool:
    """Whether the packages are those of the lock; with more than is needed, they are, too."""
    stamp = packages(project) / STAMP
    return _says(stamp, _stamp(project)) or _says(stamp, _stamp(replace(project, tested=True)))


def _links(project: NodeProject) -> dict[str, str]:
    """Where packages of the workspace lie, by their own names, as links in `node_modules` say it."""
    found = {}
    for folder in project.packages:
        name = _manifest(folder)["name"]
        found[name] = os.path.relpath(folder, (packages(project) / name).parent)
    return found


def _needing(project: NodeProject) -> list[NodeProject]:
    """The packages of the workspace that need others: each has these in its own folder."""
    return [NodeProject(folder) for folder in project.packages if _manifest(folder).get("dependencies")]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "package.json"
    try:
        said: dict[str, Any] = json.loads(_read(path))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", hint="mend it") from error
    return said


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="generate it, or write it with `npm install`"
        ) from error


def _says(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted


def _ours(folder: Path) -> bool:
    return (folder / STAMP).is_file()
