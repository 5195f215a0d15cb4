"""`update`: a fleet of generated projects brought to the newest templates; what people changed is merged in.

Each generated file is compared in three versions: as it was generated last, as the person has it, and as it
is generated now. Where both changed it, git's own merge decides, line by line, and leaves its usual marks
where it cannot.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nexus_generators.generator import File, under
from nexus_generators.writer import Change, compare, managed, recover, write

from nexus_cli import __version__, repo
from nexus_cli.blueprint.load import did_you_mean, load
from nexus_cli.blueprint.model import Package, Platform
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold import bases
from nexus_cli.scaffold.answers import recorded
from nexus_cli.scaffold.app import render_app
from nexus_cli.scaffold.migrations import Next
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.package import render_package
from nexus_cli.scaffold.template import PREFIX

_OURS, _THEIRS = b"<<<<<<< ", b">>>>>>> "
_SETTLED = frozenset({"same", "kept"})


@dataclass(frozen=True, slots=True)
class Project:
    """A generated project of the workspace: where it lies, and how it and its next migration are made now."""

    name: str
    source: str
    render: Callable[[Choice], tuple[dict[str, File], Next]]


@dataclass(frozen=True, slots=True)
class Update:
    """What bringing a project up to date means: the changes, and the files that keep a conflict's marks.

    `bases` are changes of what is kept for the next merge; they are nobody's reason for an update.
    """

    name: str
    source: str
    version: str
    rendered: dict[str, File]
    changes: tuple[Change, ...]
    bases: tuple[Change, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def behind(self) -> int:
        """How many files would change."""
        return sum(change.status not in _SETTLED for change in self.changes)

    def as_dict(self) -> dict[str, Any]:
        """The update as plain data for JSON."""
        return {
            "name": self.name,
            "source": self.source,
            "version": self.version,
            "newest": __version__,
            "behind": self.behind,
            "changes": [{"path": change.path, "status": change.status} for change in self.changes],
            "conflicts": list(self.conflicts),
        }


def updates(root: Path, names: Sequence[str] = (), *, trust: bool = False) -> list[Update]:
    """What each named project (all when none is named) lacks; nothing is written."""
    recover(root)
    return [_update(root, project, trust=trust) for project in _chosen(load(root), names)]


def carry_out(root: Path, found: Iterable[Update]) -> None:
    """Write the updates, all or none, on top of what is committed and free of an earlier update's marks."""
    found = list(found)
    for update in found:  # those, too, that nothing has to be done for: they are not what would be generated
        _refuse_half_merged(root, update)
    found = [update for update in found if update.behind]
    for update in found:
        _refuse_uncommitted(root, update)
    write([change for update in found for change in (*update.changes, *update.bases)], root)
    for update in found:
        bases.remember(root, update.source, update.rendered)


def difference(root: Path, update: Update) -> Iterator[str]:
    """The lines of a unified diff of what would be written."""
    for change in update.changes:
        if change.status in _SETTLED:
            continue
        before = (root / change.path).read_bytes() if change.before is not None else b""
        after = change.file.content if change.file else b""
        yield from difflib.unified_diff(
            before.decode("utf-8", "replace").splitlines(keepends=True),
            after.decode("utf-8", "replace").splitlines(keepends=True),
            f"a/{change.path}",
            f"b/{change.path}",
        )


def _chosen(platform: Platform, names: Sequence[str]) -> list[Project]:
    projects = {project.name: project for project in _projects(platform)}
    for name in names:
        if name not in projects:
            there = name in {*platform.services, *platform.packages}
            hint = (
                f"nexus generate app {name}"
                if there
                else did_you_mean(name, projects) or f"there are {', '.join(sorted(projects)) or 'none'}"
            )
            raise UsageError(f'"{name}" was not generated here', hint=hint)
    return [projects[name] for name in names] if names else list(projects.values())


def _projects(platform: Platform) -> Iterator[Project]:
    """What was generated; what was written by hand has no template to follow."""
    for service in platform.services.values():
        if recorded(platform.root / service.source).get("_src_path"):
            yield Project(service.name, service.source, partial(render_app, platform.root, platform, service))
    for package in platform.packages.values():
        if recorded(platform.root / package.source).get("_src_path"):
            yield Project(package.name, package.source, partial(_package, platform, package))


def _package(platform: Platform, package: Package, choice: Choice) -> tuple[dict[str, File], Next]:
    return render_package(platform.root, platform, package, choice), Next()


def _update(root: Path, project: Project, *, trust: bool) -> Update:
    answers = recorded(root / project.source)
    origin = str(answers.get("_src_path", ""))
    choice = Choice(source=None if origin.startswith(PREFIX) else origin, trust=trust)
    rendered, following = project.render(choice)
    placed, base = managed(rendered, root, project.source)
    placed |= under(project.source, following.files)
    base |= {f"{project.source}/{path}": digest for path, digest in following.base.items()}
    changes, marked = [], []
    for change in compare(placed, root, base=base):
        if change.status != "conflict":
            changes.append(change)
            continue
        merged, clean = _merged(root, project, change, base.get(change.path))
        changes.append(merged)
        if not clean:
            marked.append(change.path)
    kept = tuple(_bases(root, project.source, rendered, changes))
    version = str(answers.get("_commit", "")) or "unknown"
    return Update(project.name, project.source, version, rendered, tuple(changes), kept, tuple(marked))


def _merged(root: Path, project: Project, change: Change, digest: str | None) -> tuple[Change, bool]:
    """The change with both sides in it; whether git could put them together without a mark."""
    assert change.file is not None  # noqa: S101 - both sides of a conflict are there
    path = change.path.removeprefix(f"{project.source}/")
    mine = (root / change.path).read_bytes()
    base = bases.find(root, project.source, path, digest) if digest else None
    labels = ("yours", "generated before", f"generated by {__version__}")
    try:
        merged, clean = repo.merge(mine, base or b"", change.file.content, labels)
    except NexusError as fault:
        raise NexusError(f"{change.path}: {fault.message}", hint=fault.hint) from fault
    if merged == mine:
        return replace(change, status="kept"), clean
    return replace(change, status="updated", file=replace(change.file, content=merged)), clean


def _bases(
    root: Path, source: str, rendered: dict[str, File], changes: Collection[Change]
) -> Iterator[Change]:
    """Changes of the kept bases: one for each file that is not as it was generated, and no others."""
    after = {change.path: change for change in changes}
    wanted = {}
    for path, file in rendered.items():
        change = after[f"{source}/{path}"]
        mine = change.file if change.status in {"created", "updated"} else None
        edited = change.status == "kept" or (mine is not None and mine.digest != file.digest)
        if edited and not file.seed:
            wanted[bases.kept_as(source, path)] = replace(file, executable=False)
    folder = root / source / bases.FOLDER
    present = {p.relative_to(root).as_posix() for p in folder.rglob(f"*{bases.SUFFIX}") if p.is_file()}
    known = {path: File((root / path).read_bytes()).digest for path in present}
    yield from compare(wanted, root, base=known)


def _refuse_half_merged(root: Path, update: Update) -> None:
    for path in update.rendered:
        place = root / update.source / path
        lines = place.read_bytes().splitlines() if place.is_file() else []
        begun = next((number for number, line in enumerate(lines, 1) if line.startswith(_OURS)), None)
        if begun is not None and any(line.startswith(_THEIRS) for line in lines[begun:]):
            raise NexusError(
                f"{update.source}/{path}:{begun}: holds a conflict of an earlier update",
                hint="decide it and take the marks out, then run the command again; nothing was written",
            )


def _refuse_uncommitted(root: Path, update: Update) -> None:
    changed = repo.uncommitted(root, update.source)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""  # noqa: PLR2004 - enough to know
        raise NexusError(
            f"{update.source} has changes that are not committed: {', '.join(changed[:3])}{more}",
            hint="commit or stash them, so that the update can be taken back; nothing was written",
        )
