"""What `nexus test` does: from what the person asked for to the results, on the screen and in files."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from nexus_cli import repo, workspace
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Platform
from nexus_cli.edge import guarded
from nexus_cli.errors import INTERRUPTED, UsageError
from nexus_cli.stack.stack import checked
from nexus_cli.testing.changes import Stamps, affected, between, stamps
from nexus_cli.testing.kinds import KINDS
from nexus_cli.testing.run import NOTHING_RAN, Asked, Load, Progress, Wishes, perform
from nexus_cli.workspace import Workspace, private_folder

_MOMENT = 0.3  # seconds between two looks at the files
_KEPT = 10
"""Runs whose results stay."""


@dataclass(frozen=True, kw_only=True)
class Options(Wishes):
    """The options of the command line, as they were given; `parallel` 0 means one for each core."""

    types: tuple[str, ...] = ()
    strict: bool = False
    report: Path | None = None
    output: str = "text"


def once(options: Options, changed: Collection[str] = ()) -> int:
    """Run the tests and write the results; the exit code. `changed` files alone count, if there are any."""
    from nexus_cli.render import testing as render

    found = workspace.find()
    platform = checked(found.root)
    kinds = wanted_kinds(options.types)
    _check_names(options, platform)
    if options.changed or changed:
        options = replace(options, services=_changed(options, found, platform, changed))
        if not options.services:
            sys.stderr.write("nothing that has tests has changed\n")
            return NOTHING_RAN
    results = _folder(found)
    screen = render.screen(options.output)
    asked = _asked(options, found, platform, results, screen.progress)
    signal.signal(signal.SIGTERM, _stop)
    with screen:
        result = perform(asked, kinds, screen.case, strict=options.strict)
    render.write(result, results, platform.name)
    if options.report is not None:
        shutil.copytree(results, options.report, dirs_exist_ok=True)
    shown = options.report or Path(os.path.relpath(results))
    sys.stdout.write(render.summary(result, shown, options.output))
    return result.exit_code


def load_options(
    scenarios: Sequence[str], duration: str | None, rate: float | None, regenerate: bool
) -> Load:
    """What was asked of load tests, with a duration in words."""
    from nexus_cli.blueprint.scalars import parse_duration

    try:
        seconds = None if duration is None else parse_duration(duration)
    except ValueError as error:
        raise UsageError(f"--duration: {error}") from error
    return Load(tuple(scenarios) or ("load",), seconds, rate, regenerate)


def _stop(number: int, frame: object) -> None:
    """A CI that gives up ends a run as a person does: nothing is left behind."""
    del number, frame
    raise KeyboardInterrupt


def wanted_kinds(types: Sequence[str]) -> list[str]:
    """The kinds that were named, else the usual ones."""
    for name in types:
        if name not in KINDS:
            hint = did_you_mean(name, KINDS) or f"there are {', '.join(KINDS)}"
            raise UsageError(f'unknown type of test "{name}"', hint=hint)
    return [name for name, kind in KINDS.items() if (name in types if types else kind.usual)]


def watch(options: Options) -> int:
    """Run the tests, and again whenever files of the workspace change, until the person stops it."""
    root = workspace.find().root
    changed: Collection[str] = ()
    while True:
        before = stamps(root)
        code = _attempt(options, changed)
        if code == INTERRUPTED:
            return code
        sys.stderr.write("waiting for a change; Ctrl-C ends it\n")
        changed = _next_change(root, before)


def _attempt(options: Options, changed: Collection[str]) -> int:
    """One run; a blueprint that is broken for now does not end the watching."""
    code = guarded(lambda: once(options, changed))
    if code == UsageError.exit_code and not changed:
        raise SystemExit(code)
    return code


def _next_change(root: Path, before: Stamps) -> set[str]:
    """The files that changed, once nothing changes any more for a moment."""
    seen = before
    while True:
        now = stamps(root)
        if now != before and now == seen:
            return between(before, now)
        seen = now
        time.sleep(_MOMENT)


def _changed(
    options: Options, found: Workspace, platform: Platform, paths: Collection[str]
) -> tuple[str, ...]:
    """The services and packages that files have to do with; without any, those that git says."""
    if not paths:
        said = repo.changed(found.root)
        if said is None:
            raise UsageError("there is no main branch to compare with", hint="test without --changed")
        paths = said[1]
    names = sorted(affected(platform, paths))
    return tuple(name for name in names if not options.services or name in options.services)


def _check_names(options: Options, platform: Platform) -> None:
    known = {*platform.services, *platform.packages}
    for name in options.services:
        if name not in known:
            there = (
                f"there are {', '.join(sorted(known))}" if known else f"nexus generate app {name} makes one"
            )
            hint = did_you_mean(name, known) or there
            raise UsageError(f'unknown service or package "{name}"', hint=hint)


def _asked(
    options: Options, found: Workspace, platform: Platform, results: Path, progress: Progress
) -> Asked:
    wishes = {one.name: getattr(options, one.name) for one in fields(Wishes)}
    wishes["parallel"] = options.parallel or os.cpu_count() or 1
    return Asked(found, platform, results, progress=progress, **wishes)


def _folder(found: Workspace) -> Path:
    """A new folder for the results; those of long ago are removed."""
    runs = found.state / "tests" / "runs"
    private_folder(found.state)
    private_folder(runs)
    for old in sorted(path for path in runs.iterdir() if path.is_dir())[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    name = time.strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        folder = runs / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
