"""Chaos experiments on a running stack: steady before, disturbed for a while, steady again in time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.model import Service
from nexus_cli.errors import NexusError
from nexus_cli.stack import detours, health
from nexus_cli.stack.detours import Edge
from nexus_cli.stack.stack import Stack
from nexus_cli.testing.case import BAD, Case, Status, Tell
from nexus_cli.testing.chaos import actions, steady
from nexus_cli.testing.chaos.actions import ACTIONS, Field, NotHere, Undo
from nexus_cli.testing.chaos.experiment import FOLDER, MACHINE, Promise, Trial, trials
from nexus_cli.testing.performance.script import lists
from nexus_cli.testing.retry import retried
from nexus_cli.testing.run import uninterrupted
from nexus_cli.testing.stand import Stand, stand
from nexus_cli.unit import State, Unit

if TYPE_CHECKING:
    from nexus_cli.testing.run import Asked

KIND = "chaos"
_WELL = 1.0  # seconds without a fault that are called well
_BEFORE = 20.0  # seconds that a stack has to be steady before an experiment
_DISK = 512 << 20
_LOG_LINES = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of an experiment: while it lasted, and when all was well again (None: not in time)."""

    during: Sequence[steady.Seen]
    after: Sequence[steady.Seen]
    recovered: float | None


def run(asked: Asked, tell: Tell) -> None:
    """Do the workspace's experiments one after the other, on one copy of the stack."""
    platform = asked.platform
    found = [t for t in trials(platform, asked.workspace.root) if _wanted(asked, t)]
    if not found:
        some = any((asked.workspace.root / FOLDER).rglob("*.yaml"))
        words = "no experiment has a target yet" if some else f"there are no experiments in {FOLDER}"
        if asked.tags:
            words = f"no experiment in {FOLDER} has such a tag"
        tell(Case(KIND, "platform", "experiments", "not run", message=words))
        return
    names = [service.name for service in platform.services.values() if asked.wants(service.name)]
    disk = [trial for trial in found if trial.experiment.action == "disk"]
    others = [trial for trial in found if trial not in disk]
    if others:
        _series(asked, others, names, tell)
    if disk:  # on disks that lie in memory: what is taken away there loses its data
        _series(asked, disk, names, tell)


def _series(asked: Asked, found: Sequence[Trial], names: Sequence[str], tell: Tell) -> None:
    """Do experiments one after the other on a copy of their own."""
    edges = [*dict.fromkeys(edge for t in found for edge in t.edges(asked.platform, Bindings()))]
    disks = {t.target: t.experiment.size or _DISK for t in found if t.experiment.action == "disk"}
    services = names if asked.services else ()
    with stand(asked, services, shared=False, edges=edges, disks=disks) as ground:
        field = Field(ground.stack, not asked.reuse, _led(ground.units, edges))
        wanted = reached(found, ground.units) if asked.services else found
        if not wanted:
            words = f"no experiment has a target that {' or '.join(names)} needs"
            tell(Case(KIND, "platform", "experiments", "not run", message=words))
        for trial in wanted:
            if asked.enough.is_set():
                tell(_case(trial, "not run", "an earlier test has failed"))
                continue
            asked.progress(f"{trial.name}: {trial.experiment.title or trial.experiment.action}")
            for case in retried(asked.retries, lambda _, t=trial: [_tried(asked, ground, field, t, names)]):  # type: ignore[misc]
                tell(case)


def reached(found: Sequence[Trial], running: Sequence[Unit]) -> list[Trial]:
    """Those whose target is in a copy of a part of the platform; the machine always is."""
    there = {MACHINE, *(name for unit in running for name in (unit.name, unit.described))}
    return [trial for trial in found if trial.target in there]


def _wanted(asked: Asked, trial: Trial) -> bool:
    return not asked.tags or bool({*asked.tags} & {*trial.experiment.tags, trial.experiment.name})


def _led(running: Sequence[Unit], edges: Sequence[Edge]) -> dict[Edge, Unit]:
    units = {unit.name: unit for unit in running}
    return {edge: units[detours.name(edge)] for edge in edges if detours.name(edge) in units}


def _tried(asked: Asked, ground: Stand, field: Field, trial: Trial, services: Sequence[str]) -> Case:
    """Do one experiment; after one that the services did not get over, they are started anew."""
    case = _done(ground, field, trial, services)
    if case.status in BAD and field.own:
        _mend(ground, asked)
    return case


def _done(ground: Stand, field: Field, trial: Trial, services: Sequence[str]) -> Case:
    """Do one experiment, and take it back whatever happens."""
    began = time.monotonic()
    probes = _probes(ground, trial, services)
    try:
        with steady.Watch(probes) as watch:
            start, seen = watch.steady_since(time.monotonic(), _WELL, _BEFORE)
            if start is None:
                words = "; ".join(steady.worst(seen))
                return _case(trial, "error", f"not steady before it began: {words}")
            found = _disturbed(watch, field, trial)
    except NotHere as reason:
        return _case(trial, "not run", str(reason))
    except NexusError as fault:
        return _case(trial, "error", fault.message)
    return _judged(ground, trial, found, time.monotonic() - began)


def _disturbed(watch: steady.Watch, field: Field, trial: Trial) -> Seen:
    experiment = trial.experiment
    begin = time.monotonic()
    with _restored(field, trial):
        threading.Event().wait(experiment.for_)
    # what is killed is back by itself: the time to recover counts from its end
    over = begin if experiment.action == "kill" else time.monotonic()
    during = watch.between(begin, time.monotonic())
    well, after = watch.steady_since(over, _WELL, experiment.recover)
    return Seen(during, after, None if well is None else well - over)


@contextlib.contextmanager
def _restored(field: Field, trial: Trial) -> Iterator[None]:
    """Disturb, and take it back at the end, also when interrupted: a second Ctrl-C does not stop that."""
    undo: Undo = ACTIONS[trial.experiment.action](field, trial)
    try:
        yield
    finally:
        with uninterrupted():
            _take_back(undo, field, trial)


def _take_back(undo: Undo, field: Field, trial: Trial) -> None:
    try:
        undo()
    except NexusError as fault:
        where = f"nexus up --env {field.stack.environment}"
        left = f"{trial.experiment.action} of {trial.target} could not be taken back: {fault.message}"
        raise NexusError(left, hint=where) from fault


def _probes(ground: Stand, trial: Trial, services: Sequence[str]) -> list[steady.Probe]:
    """What is asked all the time: requests at the gateway, and whether each service is ready."""
    platform, said = ground.stack.platform, trial.experiment.steady
    token, base = ground.token(), ground.gateway_url
    probes = []
    for service in (platform.services[name] for name in services):
        asked = [path for path in lists(service) if not said.requests]
        asked += [r.partition(" ")[2] for r in said.requests if _serves(service, r.partition(" ")[2])]
        availability = said.availability or service.slo.availability or 100.0
        p95 = said.p95 or service.slo.p95
        probes += [
            steady.Probe(f"GET {path}", partial(steady.request, base + path, token), availability, p95)
            for path in asked
        ]
        units = [
            unit for unit in ground.stack.units if unit.described == service.name and unit.kind == "service"
        ]
        probes += [
            steady.Probe(f"{unit.name} is ready", partial(_ready, ground.stack, unit), availability)
            for unit in units
        ]
    return probes


def _serves(service: Service, path: str) -> bool:
    return any(
        f"{path.partition('?')[0]}/".startswith(f"{route.path.rstrip('/')}/") for route in service.routes
    )


def _ready(stack: Stack, unit: Unit) -> str:
    """Ask a unit's own probe; what was wrong, nothing if it is ready."""
    try:
        seen = next((seen for seen in stack.engine.observe() if seen.name == unit.name), None)
        if seen is None or seen.state is not State.RUNNING:
            return "does not run" if seen is None else f"is {seen.state}"
        answer = health.ask(stack.engine, unit, seen)
    except NexusError as fault:
        return fault.message
    return "" if answer.ok else answer.message


def _judged(ground: Stand, trial: Trial, seen: Seen, seconds: float) -> Case:
    experiment = trial.experiment
    good = [each.availability for each in seen.during]
    figures = {"good meanwhile (%)": round(sum(good) / len(good), 1) if good else 0.0}
    if seen.recovered is None:
        words = "; ".join(steady.worst(seen.after)) or "not steady for a second"
        back = "after it was killed" if experiment.action == "kill" else f"after {experiment.action} was over"
        message = f"not well {experiment.recover:g} s {back}: {words}"
        return _case(trial, "failed", message, seconds, figures, _last_words(ground, seen.after))
    figures["recovered (s)"] = round(seen.recovered, 2)
    broken = _broken(seen.during, experiment.during)
    if broken:
        return _case(trial, "failed", f"while it lasted: {'; '.join(broken)}", seconds, figures)
    return _case(trial, "passed", "", seconds, figures)


def _broken(during: Sequence[steady.Seen], promise: Promise) -> list[str]:
    return [words for each in during if (words := each.broken(promise.availability, promise.p95))]


def _last_words(ground: Stand, after: Sequence[steady.Seen]) -> str:
    """The last lines of the services that are not well."""
    bad = [each.probe.name for each in after if each.broken(each.probe.availability, each.probe.p95)]
    names = [unit.name for unit in ground.units if f"{unit.name} is ready" in bad]
    names = names or [unit.name for unit in ground.units if unit.kind == "service"]
    return "\n".join(f"{line.unit}: {line.text}" for line in ground.stack.engine.logs(names, tail=_LOG_LINES))


def _mend(ground: Stand, asked: Asked) -> None:
    """Start the services anew after an experiment that they did not get over, for the next one."""
    asked.progress("starting the services anew")
    services = [unit for unit in ground.units if unit.kind == "service"]
    with contextlib.suppress(NexusError):
        actions.start(ground.stack, services, again=True)


def _case(
    trial: Trial,
    status: Status,
    message: str,
    seconds: float = 0.0,
    figures: dict[str, float] | None = None,
    detail: str = "",
) -> Case:
    return Case(
        KIND,
        trial.target,
        trial.name,
        status,
        seconds,
        message,
        detail,
        trial.file,
        trial.line,
        figures or {},
    )
