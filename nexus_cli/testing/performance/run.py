"""Load tests of the platform's services: written where they are missing, run, and judged."""

from __future__ import annotations

import json
import os
import platform as machine
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_generators import writer
from nexus_generators.envoy import Counted

from nexus_cli.blueprint.model import Service
from nexus_cli.release.verdict import Says
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.performance import charts, k6, measure, script
from nexus_cli.testing.retry import retried
from nexus_cli.testing.stand import Stand, stand
from nexus_cli.workspace import read_json, write_atomic

if TYPE_CHECKING:
    from nexus_cli.testing.run import Asked

KIND = "performance"
SECONDS: Mapping[str, float] = {"load": 10.0, "stress": 20.0, "spike": 20.0, "soak": 600.0}
"""How long each scenario takes unless a person says otherwise."""

_REPORT = "load.html"


@dataclass(frozen=True, slots=True)
class Play:
    """One script in one scenario."""

    service: Service
    path: Path
    scenario: str
    seconds: float


def run(asked: Asked, tell: Tell) -> None:
    """Write the load tests that are missing, run those of the wanted services, and tell how they did."""
    for words in write(asked):
        asked.progress(words)
    plays = list(_plays(asked))
    for case in _without_script(asked, plays):
        tell(case)
    program = k6.program()
    if program is None:
        for play in plays:
            tell(_not_run(play.service.name, k6.MISSING, k6.HINT))
        return
    if not plays:
        return
    shown: list[charts.Tested] = []
    with stand(asked, [*dict.fromkeys(play.service.name for play in plays)]) as ground:
        if ground.gateway is None:
            tell(_not_run("platform", "there is no gateway that users' requests go through"))
            return
        for play in plays:
            if asked.enough.is_set():
                tell(_not_run(play.service.name, "an earlier test has failed"))
                continue
            asked.progress(f"{play.scenario} on {play.service.name} for {play.seconds:g} s")
            for case in retried(asked.retries, lambda _, p=play: _played(asked, program, p, ground, shown)):  # type: ignore[misc]
                tell(case)
            write_atomic(asked.folder(KIND) / _REPORT, charts.page(asked.platform.name, shown))


def write(asked: Asked) -> list[str]:
    """Bring the scripts of the workspace up to its blueprints; what a person changed is kept, and said."""
    root, load = asked.workspace.root, asked.load
    made = script.scripts(asked.platform)
    if not made and not (root / script.FOLDER / writer.MANIFEST).exists():
        return []
    files, base = writer.managed(made, root, script.FOLDER)
    changes = writer.compare(files, root, base=base)
    clashes = [] if load.regenerate else writer.conflicts(changes)
    writer.write([c for c in changes if c.path not in clashes], root, force=load.regenerate)
    said = [f"{change.status} {change.path}" for change in changes if change.status in {"created", "updated"}]
    hint = "the blueprint says something else since; --regenerate makes it anew"
    return said + [f"kept {path}, which you changed: {hint}" for path in clashes]


def _plays(asked: Asked) -> Iterator[Play]:
    """The scripts of services that are wanted, in each of the scenarios."""
    folder, load = asked.workspace.root / script.FOLDER, asked.load
    for service in asked.platform.services.values():
        path = folder / f"{service.name}.js"
        if asked.wants(service.name) and path.is_file():
            for scenario in load.scenarios:
                yield Play(service, path, scenario, load.seconds or SECONDS.get(scenario, 10.0))


def _without_script(asked: Asked, plays: Sequence[Play]) -> Iterator[Case]:
    """The services that no load is made on, and why."""
    if not asked.platform.services:
        yield _not_run("platform", "there is no service")
    for name in asked.platform.services:
        if asked.wants(name) and not any(play.service.name == name for play in plays):
            yield _not_run(name, f"{name} has no resource with a route: write {script.FOLDER}/{name}.js")


def _not_run(subject: str, why: str, hint: str = "") -> Case:
    return Case(KIND, subject, "load", "not run", message=why, detail=hint)


def _played(asked: Asked, program: str, play: Play, ground: Stand, shown: list[charts.Tested]) -> list[Case]:
    """Run a script: a case for each request that it makes; what the report shows is added to `shown`."""
    load = k6.Load(ground.gateway_url, ground.token(), play.scenario, play.seconds, asked.load.rate)
    folder = asked.folder(KIND) / play.scenario
    file = play.path.relative_to(asked.workspace.root).as_posix()
    busy = _busy()
    outcome = k6.play(program, play.path, load, folder, asked.programs)
    if isinstance(outcome, str):
        return [Case(KIND, play.service.name, play.scenario, "error", message=outcome, file=file)]
    measured = measure.measure(k6.samples(outcome.samples))
    cases = _cases(asked, play, measured, outcome, {} if busy else _circumstances(asked, play, ground))
    notes = _notes(outcome, busy)
    wrong = {case.name.partition(": ")[2]: [case.message] for case in cases if case.status == "failed"}
    promised = play.service.slo.p95
    bound = promised * 1000 if promised and play.scenario in {"load", "soak"} else None
    shown.append(charts.Tested(play.service.name, play.scenario, play.seconds, measured, bound, wrong, notes))
    return [replace(case, file=file, detail="\n".join(notes)) for case in cases]


def _busy() -> str:
    """Why this machine says nothing of a difference between two runs now; nothing if it does."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores:
        return ""
    return (
        f"not compared with an earlier run: this machine has other things to do ({load:.1f} on {cores} cores)"
    )


def _notes(outcome: k6.Outcome, busy: str) -> tuple[str, ...]:
    dropped = f"{outcome.dropped} requests could not begin in time: the service, or this machine, is full"
    return tuple(note for note in (dropped if outcome.dropped else "", busy) if note)


def _cases(
    asked: Asked,
    play: Play,
    measured: Sequence[measure.Measured],
    outcome: k6.Outcome,
    now: Mapping[str, Any],
) -> list[Case]:
    """A case for each request of the script, and one for each bound of its own that was crossed.

    `now` are the circumstances under which it can be compared; nothing if it cannot.
    """
    kept = asked.workspace.state / "tests" / KIND / f"{play.service.name}-{play.scenario}.json"
    before = measure.recalled(read_json(kept), now) if now else {}
    cases = [_case(play, each, outcome, before.get(each.name)) for each in measured]
    for name in measure.unasked(measured, outcome.thresholds):
        words = "was never asked: its bounds say nothing"
        cases.append(Case(KIND, play.service.name, f"{play.scenario}: {name}", "failed", message=words))
    for bound in outcome.thresholds:
        if bound.crossed and "{name:" not in bound.metric:
            name = f"{play.scenario}: {bound.metric} {bound.bound}"
            cases.append(Case(KIND, play.service.name, name, "failed", message="this bound was crossed"))
    if not measured:
        words = "the script made no request"
        cases.append(Case(KIND, play.service.name, play.scenario, "failed", message=words))
    if now and all(case.status == "passed" for case in cases):
        write_atomic(kept, json.dumps(measure.remembered(measured, now)) + "\n")
    return cases


def _case(play: Play, each: measure.Measured, outcome: k6.Outcome, before: Counted | None) -> Case:
    wrong = measure.crossed(each, outcome.thresholds)
    judged = measure.compared(each, before, play.service.deploy.verdict)
    if judged is not None and judged.says is Says.BAD:
        wrong.append(f"worse than the last good run: {judged.why}")
    return Case(
        KIND,
        play.service.name,
        f"{play.scenario}: {each.name}",
        "failed" if wrong else "passed",
        seconds=play.seconds,
        message="; ".join(wrong),
        figures=measure.figures(each, play.seconds),
        attachments=(Path(KIND) / _REPORT,),
    )


def _circumstances(asked: Asked, play: Play, ground: Stand) -> dict[str, Any]:
    """Under which a run can be compared with another: the same machine, engine and load."""
    return {
        "machine": machine.node(),
        "cores": os.cpu_count(),
        "engine": ground.stack.choice.engine,
        "seconds": play.seconds,
        "rate": asked.load.rate or script.rate(play.service),
    }
