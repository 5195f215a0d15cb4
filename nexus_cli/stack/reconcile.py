"""From what should run and what runs to a plan; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from nexus_cli.blueprint import graph
from nexus_cli.plan import Action, Plan, Step
from nexus_cli.unit import Container, Observed, State, Unit

UNWANTED = "no longer wanted"
UNPREPARED = "programs or environment missing"
Ordered = TypeVar("Ordered", Unit, Observed)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed: running units, and the names of units that need preparing or new live files."""

    observed: Sequence[Observed] = ()
    unprepared: Collection[str] = field(default_factory=frozenset)
    unconfigured: Collection[str] = field(default_factory=frozenset)


def reconcile(title: str, desired: Sequence[Unit], facts: Facts, known: Collection[str]) -> Plan:
    """The plan that makes `desired` run; other units of the platform (`known`) are left alone."""
    observed = {unit.name: unit for unit in facts.observed}
    gone = [observed[name] for name in sorted(observed) if name not in known]
    wanted = {port for unit in desired if unit.name not in observed for port in unit.ports.values()}
    at_once = [unit for unit in gone if unit.kind != "service" or not wanted.isdisjoint(unit.ports.values())]
    steps: list[Step] = [Step("stop", unit.name, UNWANTED) for unit in at_once]
    freed = {port: f"stop {unit.name}" for unit in at_once for port in unit.ports.values()}
    started: dict[str, str] = {}
    configured: list[tuple[Unit, str]] = []
    prepared: dict[object, Step] = {}
    for unit in in_order(desired):
        after = [started[need] for need in unit.needs if need in started]
        change = _change(unit, observed.get(unit.name), facts)
        if change is None:
            continue
        action, cause = change
        if action == "configure":
            configured.append((unit, cause))
            continue
        after += sorted({freed[port] for port in unit.ports.values() if port in freed})
        if action in {"start", "run", "restart"} and unit.name in facts.unprepared:
            prepare = prepared.setdefault(_ground(unit), Step("prepare", unit.name, UNPREPARED))
            if prepare not in steps:
                steps.append(prepare)
            after.append(prepare.id)
        step = Step(action, unit.name, cause, tuple(after))
        steps.append(step)
        started[unit.name] = step.id
    for unit, cause in configured:
        new = [name for name in unit.upstreams if name not in observed]
        after = [started[name] for name in (*unit.needs, *new) if name in started]
        steps.append(Step("configure", unit.name, cause, tuple(after)))
    return Plan(title, (*steps, *_routed(desired, observed, steps), *_leaving(gone, steps)))


def preparations(title: str, units: Sequence[Unit], unprepared: Collection[str]) -> Plan:
    """The plan that makes ready whatever the units run on, and starts none of them."""
    needing = {_ground(unit): unit.name for unit in reversed(in_order(units)) if unit.name in unprepared}
    return Plan(title, tuple(Step("prepare", name, UNPREPARED) for name in reversed(needing.values())))


def _ground(unit: Unit) -> object:
    """What a unit runs on; units that share it share its preparation."""
    return unit.runtime.image if isinstance(unit.runtime, Container) else unit.runtime


def _leaving(gone: Iterable[Observed], steps: Sequence[Step]) -> Iterator[Step]:
    """A step for each unit that goes: it ends once nobody sends it requests any more."""
    begun = {step.id for step in steps}
    after = tuple(step.id for step in steps if step.action == "configure")
    for unit in gone:
        if f"stop {unit.name}" not in begun:
            yield Step("stop", unit.name, UNWANTED, after)


def _routed(
    desired: Sequence[Unit], observed: Mapping[str, Observed], steps: Sequence[Step]
) -> Iterator[Step]:
    """A step for each unit that sends requests to others of the plan: is done once it really does."""
    changed = {step.unit: step.id for step in steps if step.action not in {"prepare", "stop"}}
    names = {unit.name for unit in desired}
    for unit in desired:
        mine = [name for name in unit.upstreams if name in changed]
        whole = set(unit.upstreams) <= names | observed.keys()
        if unit.upstreams and whole and (mine or unit.name in changed):
            after = tuple(changed[name] for name in (unit.name, *mine) if name in changed)
            cause = f"new: {', '.join(mine)}" if mine else "started"
            yield Step("route", unit.name, cause, after)


def teardown(
    title: str, observed: Sequence[Observed], names: Collection[str] | None = None, *, cause: str
) -> Plan:
    """The plan that stops the named units (all when None), each after those that need it."""
    chosen = [unit for unit in observed if names is None or unit.name in names]
    ids = {unit.name: f"stop {unit.name}" for unit in chosen}
    users: dict[str, list[str]] = {unit.name: [] for unit in chosen}
    for unit in chosen:
        for need in unit.needs:
            if need in users:
                users[need].append(ids[unit.name])
    order = in_order(chosen)
    return Plan(title, tuple(Step("stop", u.name, cause, tuple(users[u.name])) for u in reversed(order)))


def in_order(units: Iterable[Ordered]) -> list[Ordered]:
    """Units sorted so that each comes after those it needs; by name where nothing decides."""
    by_name = {unit.name: unit for unit in units}
    edges = {name: tuple(need for need in unit.needs if need in by_name) for name, unit in by_name.items()}
    return [by_name[name] for level in graph.levels(edges) for name in level]


def _change(unit: Unit, seen: Observed | None, facts: Facts) -> tuple[Action, str] | None:
    begin: Action = "run" if unit.kind == "job" else "start"
    if seen is None:
        return begin, "not run yet" if unit.kind == "job" else "not running"
    if seen.fingerprint != unit.fingerprint:
        replace: Action = "run" if unit.kind == "job" else "restart"
        return replace, f"changed: {', '.join(changed_parts(seen.fingerprint, unit.fingerprint))}"
    if seen.state is State.CRASHED:
        return "restart", "in a crash loop"
    if seen.state is State.EXITED:
        if unit.may_end and seen.exit_code == 0:
            return None
        return begin, seen.reason or f"ended with exit code {seen.exit_code}"
    if seen.state is State.PAUSED:
        return "restart", "paused"
    if not seen.ready:
        return "await", "not ready yet"
    if unit.name in facts.unconfigured:
        return "configure", "configuration changed"
    return None


def fingerprint(parts: Mapping[str, str]) -> str:
    """A fingerprint that remembers its parts: `command=1a2b env=3c4d`."""
    return " ".join(f"{name}={value}" for name, value in sorted(parts.items()))


def changed_parts(old: str, new: str) -> list[str]:
    """The names of the parts in which two fingerprints differ."""
    before = dict(part.split("=", 1) for part in old.split() if "=" in part)
    after = dict(part.split("=", 1) for part in new.split() if "=" in part)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
