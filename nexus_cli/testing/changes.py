"""What has to be tested because of files that changed; the first part is pure."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.model import Platform

_IGNORED = frozenset({".git", ".nexus", ".venv", "node_modules", "__pycache__", ".build", ".next", "dist"})
_OF_ALL = ("tests/", "nexus.yaml", "blueprints/environments/")
"""What every service is tested with."""

Stamps = Mapping[str, tuple[int, int]]


def affected(platform: Platform, paths: Collection[str]) -> set[str]:
    """The services and packages that files of the workspace belong to, with all that uses those."""
    every = {*platform.services, *platform.packages}
    if any(path.startswith(_OF_ALL) for path in paths):
        return every
    begun = {name for name, places in _places(platform).items() if _touched(places, paths)}
    uses = dict.fromkeys(platform.packages, ()) | graph.dependencies(platform)
    for service in platform.services.values():
        uses[service.name] += tuple(package.name for package in platform.packages_of(service))
    return {name for name in every if graph.closure(uses, [name]) & begun}


def _places(platform: Platform) -> dict[str, list[str]]:
    """Where each service, package and component is written."""
    found: dict[str, list[str]] = {}
    for (_, name), source in platform.sources.items():
        found.setdefault(name, []).append(source.file)
    folders = {one.name: one.source for one in platform.services.values()}
    folders |= {one.name: one.source for one in platform.packages.values()}
    for name, folder in folders.items():
        found.setdefault(name, []).append(folder.rstrip("/") + "/")
    return found


def _touched(places: Iterable[str], paths: Collection[str]) -> bool:
    """Whether one lies in the other; of a folder that is new to git, only its name is known."""
    return any(
        path == place
        or (place.endswith("/") and path.startswith(place))
        or place.startswith(path.rstrip("/") + "/")
        for place in places
        for path in paths
    )


def stamps(root: Path) -> Stamps:
    """When each file of a workspace was last written, and how long it is."""
    found = {}
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _IGNORED and not name.endswith("_cache")]
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 - asked of every file, several times a second
            try:
                stat = os.stat(path)  # noqa: PTH116 - as above
            except OSError:
                continue
            found[os.path.relpath(path, root)] = (stat.st_mtime_ns, stat.st_size)
    return found


def between(before: Stamps, after: Stamps) -> set[str]:
    """The files that differ."""
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}
