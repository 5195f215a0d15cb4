"""Releases, runs and environments as tables and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nexus_cli.events import Summary
from nexus_cli.release.compare import Place, ReleaseDifference, differences
from nexus_cli.release.history import Happened, moment
from nexus_cli.release.record import Release
from nexus_cli.release.retention import Images, Kept
from nexus_cli.render.words import seconds

_SHORT = 12


def history(title: str, runs: Iterable[Happened]) -> Summary:
    """What happened, a line each."""
    columns = ("number", "when (UTC)", "action", "version", "by", "outcome", "took", "reason")
    return Summary(title, columns, tuple(_row(run) for run in runs))


def _row(run: Happened) -> tuple[str, ...]:
    version = f"{run.version} ({', '.join(run.services)})" if run.services else run.version
    outcome = f"{run.outcome}: {run.why}" if run.why else run.outcome
    took = "" if run.seconds is None else seconds(run.seconds)
    return str(run.number), moment(run.time), run.action, version, run.actor, outcome, took, run.reason


def steps(run: Happened) -> Summary:
    """The steps of a run."""
    rows = (
        (step.id, step.state, "" if step.seconds is None else seconds(step.seconds), step.detail)
        for step in run.steps
    )
    title = f"{run.number} {run.action} {run.version}: {run.outcome}"
    return Summary(title, ("step", "state", "took", "detail"), tuple(rows))


def releases(found: Iterable[Release], serves: Mapping[str, Iterable[str]], kept: Iterable[str]) -> Summary:
    """Releases, a line each: where they serve, and whether their code is still here."""
    here = set(kept)
    rows = (
        (
            release.version,
            moment(release.made),
            release.commit[:_SHORT] + (" and more" if release.dirty else ""),
            release.actor,
            ", ".join(serves.get(release.version, ())),
            "kept" if release.version in here else "removed",
        )
        for release in found
    )
    return Summary("releases", ("version", "made (UTC)", "commit", "by", "serves in", "code"), tuple(rows))


def release(found: Release) -> list[str]:
    """A release as lines."""
    dirty = " and what was not committed" if found.dirty else ""
    lines = [
        f"version   {found.version}",
        f"made      {moment(found.made)} UTC by {found.actor}",
        f"commit    {found.commit or 'none'}{dirty}",
    ]
    if found.reason:
        lines.append(f"reason    {found.reason}")
    for name, artifact in sorted(found.artifacts.items()):
        lines.append(f"service   {name}  {artifact.digest}")
        for migration in artifact.migrations:
            lost = artifact.irreversible.get(migration)
            lines.append(f"          migration {migration}" + (f"  cannot be undone: {lost}" if lost else ""))
    lines += [f"blueprint {file}" for file in sorted(found.blueprints)]
    return lines


def difference(found: ReleaseDifference) -> list[str]:
    """How one release differs from another, as lines."""
    lines = [f"{what:9} {name}" for what, name in found.services]
    for name, migrations in sorted(found.migrations.items()):
        for migration in migrations:
            lost = found.irreversible.get(migration)
            lines.append(f"migration {name} {migration}" + (f"  cannot be undone: {lost}" if lost else ""))
    lines += [f"api       {name}  {line}" for name, told in sorted(found.apis.items()) for line in told]
    return [*lines, *found.blueprints] or [f"{found.old} and {found.new} are the same"]


def environment(place: Place) -> list[str]:
    """An environment as lines: what is described, then what serves."""
    width = max(map(len, place.facts), default=0)
    return [f"{name:{width}}  {value}" for name, value in place.facts.items()]


def environments(places: Iterable[Place]) -> Summary:
    """Environments, a line each."""
    rows = (
        (place.name, place.facts["target"], place.facts["serves"], place.facts["last"]) for place in places
    )
    return Summary("environments", ("environment", "target", "serves", "last"), tuple(rows))


def between(one: Place, other: Place) -> Summary:
    """Where two environments differ, a line each."""
    rows = tuple((name, mine or "-", theirs or "-") for name, mine, theirs in differences(one, other))
    return Summary(f"{one.name} and {other.name}", ("", one.name, other.name), rows)


def pruned(code: Iterable[Kept], images: Iterable[Images], *, dry_run: bool) -> Iterator[str]:
    """What was, or would be, removed of old releases; of an engine that is silent, why."""
    said = "would be removed" if dry_run else "removed"
    yield from (f"{service} {digest} {said}" for service, digest in code)
    for one in images:
        yield from (f"image {name} at {one.where} {said}" for name in one.names)
        if one.silent:
            yield f"images at {one.where} were left alone: {one.silent}"
