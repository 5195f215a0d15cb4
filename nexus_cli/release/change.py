"""From what serves and what should serve to one plan over all services; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.model import Deploy, Strategy
from nexus_cli.plan import Plan, Step
from nexus_cli.release.moves import Check, Drain, Shift, shift
from nexus_cli.release.record import Live
from nexus_cli.release.strategies import STRATEGIES, Turn, Way
from nexus_cli.stack.reconcile import Facts, reconcile
from nexus_cli.unit import Unit

STRAYED = "it leads requests elsewhere than the ledger says"
SETTINGS = "the platform has other settings for it"
HOOKS = ("pre-deploy", "post-deploy", "on-failure")


@dataclass(frozen=True, slots=True)
class Change:
    """What leads from one state of an environment to another.

    `units` are all that may have to run for either, `gateway` is the name of the one that leads requests;
    `uses` is which services a service uses, `deploys` and `strategies` are by service. Without `watched`
    nothing is watched; without `migrate` no database is changed: that is the way back. `judged`: a person
    goes on with sides that were watched to no end. `strayed`: the gateway leads elsewhere than it was told.
    """

    title: str
    before: Live
    after: Live
    units: Sequence[Unit]
    facts: Facts
    gateway: str = ""
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    deploys: Mapping[str, Deploy] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    watched: bool = True
    migrate: bool = True
    judged: bool = False
    strayed: bool = False


def plan(change: Change) -> Plan:
    """The plan: what is missing starts, each service changes over in graph order, what is left over ends."""
    turns = {name: _turn(change, name) for name in _changing(change)}
    ways = {
        name: STRATEGIES[change.strategies.get(name, "rolling")](turn) if turn else Way((), ())
        for name, turn in turns.items()
    }
    hooks = {unit.name for unit in change.units if unit.name.endswith(HOOKS)} if change.watched else set()
    begun = _beginnings(change, turns)
    for turn in turns.values():
        if turn is not None:
            begun = _after_hook(turn, begun, hooks)
    late = {step.unit for way in ways.values() for step in way.steps if step.action == "start"}
    steps = [step for step in begun.values() if step.action == "prepare" or step.unit not in late]
    # Nothing changes over before all that is new is there: what cannot be made has moved no request.
    last = tuple(step.id for step in steps if step.action == "prepare" or step.unit == change.gateway)
    left: list[Step] = []
    for name, way in ways.items():
        turn = turns[name]
        checks = [check for unit in way.early for check in _checks(turn, unit, begun)]
        steps += checks
        ready = tuple(begun[unit].id for unit in way.early if unit in begun)
        way_steps = (*way.steps, *_hook(turn, "post-deploy", hooks)) if turn else way.steps
        chain = _chained(turn, way_steps, begun, (*last, *(check.id for check in checks), *ready))
        steps += chain
        last = (chain[-1].id,) if chain else last
        left += _leaving(change, name, chain)
    steps += [replace(step, after=(*last, *step.after)) for step in left]
    steps += _unwanted(change, steps)
    return Plan(change.title, tuple(steps))


def _changing(change: Change) -> list[str]:
    """The services whose sides change, each after those that it uses."""
    before, after = change.before.sides, change.after.sides
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    edges = {name: tuple(use for use in change.uses.get(name, ()) if use in names) for name in names}
    return [name for level in graph.levels(edges) for name in level]


def _turn(change: Change, name: str) -> Turn | None:
    """How the service's serving side changes; nothing when the service goes."""
    new, old = change.after.serving(name), change.before.serving(name)
    if new is None:
        return None
    held = {side.name: side for side in change.before.sides.get(name, ())}
    if old is not None and old.name == new.name:
        others = [side for side in held.values() if side.name != new.name]
        old = max(others, key=lambda side: side.share, default=None)
    now = held.get(new.name)
    new = replace(new, share=now.share if now else 0)
    others_ = tuple(s.sharing(0) for s in held.values() if s.name not in {new.name, old and old.name})
    deploy = change.deploys.get(name) or Deploy.model_construct()
    return Turn(name, old, new, deploy, others_, change.watched, change.judged)


def _beginnings(change: Change, turns: Mapping[str, Turn | None]) -> dict[str, Step]:
    """What has to be begun, by unit, its preparation under a name of its own."""
    fresh = change.after.units
    jobs = {f"{name}.migrate" for name, turn in turns.items() if turn and change.migrate}
    wanted = [
        unit
        for unit in change.units
        if unit.kind == "component" or unit.name in fresh or (unit.kind == "job" and _due(unit, jobs))
    ]
    wanted = [replace(unit, upstreams=()) for unit in wanted]
    known = {unit.name for unit in wanted} | {seen.name for seen in change.facts.observed}
    found = reconcile(change.title, wanted, change.facts, known).steps
    cause = STRAYED if change.strayed else SETTINGS
    steps = (replace(s, cause=cause) if s.action == "configure" else s for s in found)
    return {(step.id if step.action == "prepare" else step.unit): step for step in steps}


def _hook(turn: Turn, name: str, hooks: Collection[str]) -> Iterator[Step]:
    if f"{turn.new.name}.{name}" in hooks:
        yield Step("run", f"{turn.new.name}.{name}", f"{name} of {turn.service}")


def _after_hook(turn: Turn, begun: Mapping[str, Step], hooks: Collection[str]) -> dict[str, Step]:
    """What has to be begun, with the hook that comes before the new side's first replica."""
    result = dict(begun)
    fresh = [unit for unit in turn.new.units if unit in begun]
    for hook in _hook(turn, "pre-deploy", hooks) if fresh else ():
        result[hook.unit] = replace(hook, after=begun[fresh[0]].after)
        for unit in fresh:
            result[unit] = replace(begun[unit], after=(*begun[unit].after, hook.id))
    return result


def _due(unit: Unit, migrations: set[str]) -> bool:
    """Whether a job is begun because it has not run; hooks are begun by steps of their own."""
    last = unit.name.rpartition(".")[2]
    return unit.name in migrations or last not in {"migrate", *HOOKS}


def _checks(turn: Turn | None, unit: str, begun: Mapping[str, Step]) -> Iterator[Step]:
    """What a new replica is asked before anyone else asks it."""
    if turn is None or unit not in begun:
        return
    for number, smoke in enumerate(turn.deploy.smoke, 1):
        cause, part = f"{smoke.path} must answer {smoke.status}", f"{number}" if number > 1 else ""
        yield Check("smoke", unit, cause, (begun[unit].id,), part=part, smoke=smoke)


def _chained(
    turn: Turn | None, steps: Sequence[Step], begun: Mapping[str, Step], after: tuple[str, ...]
) -> list[Step]:
    """The steps one after the other; a start is what really has to be done for it, and is checked."""
    chain: list[Step] = []
    for step in steps:
        real = step
        if step.action == "start":
            if step.unit not in begun:
                continue
            real = begun[step.unit]
        for one in (real, *(_checks(turn, step.unit, begun) if step.action == "start" else ())):
            chain.append(replace(one, after=tuple(dict.fromkeys((*one.after, *after)))))
            after = (one.id,)
    return chain


def _leaving(change: Change, name: str, chain: Sequence[Step]) -> list[Step]:
    """What is done with the sides that are left over: they end what they have, then they end."""
    moved = [step.sides for step in chain if isinstance(step, Shift)]
    now = moved[-1] if moved else change.before.sides.get(name, ())
    final = change.after.sides.get(name, ())
    if now == final:
        return []
    kept = {side.name for side in final}
    going = [side for side in now if side.name not in kept]
    deploy = change.deploys.get(name) or Deploy.model_construct()
    steps: list[Step] = []
    if not final:
        away = tuple(side.sharing(0) for side in now)
        steps.append(shift(name, away, "no longer part of the platform", "0 %"))
    after = tuple(step.id for step in steps)
    drains = [Drain("drain", s.name, "its last requests", after, seconds=deploy.drain) for s in going]
    end = shift(name, final, "the old release is let go" if going else "as it shall stay", "final")
    end = replace(end, after=tuple(step.id for step in drains) or after)
    stops = [Step("stop", unit, "replaced", (end.id,)) for side in going for unit in side.units]
    return [*steps, *drains, end, *stops]


def _unwanted(change: Change, steps: Sequence[Step]) -> Iterator[Step]:
    """What runs and belongs to nothing that serves: components that went, and what a broken-off run left."""
    wanted = {unit.name for unit in change.units if unit.kind != "service"}
    wanted |= change.after.units | {step.unit for step in steps if step.action == "stop"}
    after = tuple(step.id for step in steps if isinstance(step, Shift | Drain))
    for seen in change.facts.observed:
        if seen.name not in wanted:
            yield Step("stop", seen.name, "no longer wanted", after)
