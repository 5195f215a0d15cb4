"""`init --platform`: what a platform of the catalogue puts into a new workspace.

Services and packages become the person's own: their blueprints are copied. Components stay the catalogue's
and are included by name, so that a new version of nexus brings their newer images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nexus_generators.generator import File

from nexus_cli.blueprint.document import read
from nexus_cli.blueprint.edit import add_includes
from nexus_cli.blueprint.load import CATALOGUE, catalogue_names, catalogue_platforms, did_you_mean, load
from nexus_cli.blueprint.model import Platform, PlatformSpec
from nexus_cli.errors import UsageError
from nexus_cli.workspace import FILE

_OWNED = {"services", "packages"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A platform of the catalogue: the blueprints that are copied, and the entries that are included."""

    blueprints: Mapping[str, File]
    includes: tuple[str, ...]


def choose(name: str) -> Chosen:
    """What a platform of the catalogue is made of."""
    blueprints, includes = {}, []
    for entry, path in _entries(name):
        if path.parent.name in _OWNED:
            blueprints[f"blueprints/{path.parent.name}/{path.name}"] = File(path.read_bytes())
        else:
            includes.append(f"{CATALOGUE}{entry}")
    return Chosen(blueprints, tuple(includes))


def members(name: str) -> list[str]:
    """The services and components of a platform of the catalogue."""
    return [entry for entry, path in _entries(name) if path.parent.name != "packages"]


def _entries(name: str) -> Iterator[tuple[str, Path]]:
    platforms = catalogue_platforms()
    if name not in platforms:
        hint = did_you_mean(name, platforms) or f"there are: {', '.join(platforms)}"
        raise UsageError(f'the catalogue has no platform "{name}"', hint=hint)
    data, _ = read(platforms[name], f"{CATALOGUE}{name}")
    names = catalogue_names()
    for entry in PlatformSpec.model_validate(data).include:
        known = entry.removeprefix(CATALOGUE)
        yield known, names[known]


def joined(files: Mapping[str, File], chosen: Chosen) -> dict[str, File]:
    """A new workspace's files with those of the platform."""
    text = add_includes(files[FILE].content.decode(), chosen.includes)
    return {**files, **chosen.blueprints, FILE: File(text.encode())}


def described(files: Mapping[str, File], root: Path) -> Platform:
    """The platform that a workspace at `root` will describe, of which nothing is written yet."""
    with TemporaryDirectory(prefix="nexus-") as folder:
        for path, file in files.items():
            if path == FILE or path.startswith("blueprints/"):
                place = Path(folder, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.content)
        return replace(load(Path(folder)), root=root)
