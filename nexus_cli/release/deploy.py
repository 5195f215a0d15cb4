"""Deploying and going back: what should serve, the change that leads there, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nexus_cli.apply import Outcome
from nexus_cli.blueprint.model import Platform, Service, Strategy
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Emit, Event, Note, StepFailed, StepFinished, StepStarted
from nexus_cli.plan import Plan, Step
from nexus_cli.release import interface
from nexus_cli.release.built import as_built, nowhere, rebuilt
from nexus_cli.release.change import Change, plan
from nexus_cli.release.drift import routing, same
from nexus_cli.release.estate import BROKEN_OFF, PAUSED, Estate
from nexus_cli.release.lock import actor
from nexus_cli.release.record import Live, Release, Side
from nexus_cli.release.rollout import Rollout
from nexus_cli.release.strategies import retains
from nexus_cli.secrets import store
from nexus_cli.stack import engines
from nexus_cli.stack.reconcile import Facts
from nexus_cli.stack.run import Runner
from nexus_cli.unit import Observed, State, Unit, owner
from nexus_cli.workspace import mark_deployed

SUCCEEDED, FAILED, BACK, INTERRUPTED = "succeeded", "failed", "rolled-back", "interrupted"


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done to an environment: why, from where to where, and by which plan.

    `notes` is what a person should know of it beforehand.
    """

    estate: Estate
    action: str
    version: str
    before: Live
    after: Live
    change: Change
    plan: Plan
    services: tuple[str, ...] = ()
    reason: str = ""
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of it; `why` is the reason of what did not succeed."""

    outcome: str
    live: Live
    seconds: float
    why: str = ""

    @property
    def exit_code(self) -> int:
        """What a program is told of it."""
        return {SUCCEEDED: 0, INTERRUPTED: 130}.get(self.outcome, 1)


def target(estate: Estate, release: Release, services: Collection[str], strategy: Strategy | None) -> Live:
    """What should serve once the release is deployed: all of it, or some services with what they need."""
    before, platform = estate.live(), estate.platform_of(release.version)
    unknown = set(services) - platform.services.keys()
    if unknown:
        known = ", ".join(sorted(platform.services))
        raise UsageError(f'release {release.version} has no service "{min(unknown)}"', hint=f"it has {known}")
    chosen = sorted(services or platform.services)
    components = dict.fromkeys(_components(platform, chosen if services else ()), release.version)
    if services:
        components = {**before.components, **components}
    kept = {name: held for name, held in before.sides.items() if services or name in platform.services}
    fresh = {name: _fresh(estate, before, platform.services[name], release.version) for name in chosen}
    base = before.base if services and before.base else release.version
    draft = Live(base, {**kept, **{name: (side,) for name, side in fresh.items()}}, components)
    composed, bindings = estate.composed(draft), estate.bindings(draft)
    live = replace(draft, sides=kept, revisions=before.revisions)
    for name, side in fresh.items():
        told = replace(side, content=estate.content(composed, bindings, side))
        deploy = platform.services[name].deploy
        keep = retains(strategy or estate.described.strategy or deploy.strategy, deploy)
        live = _with(live, before, told, keep=keep)
    return live


def _components(platform: Platform, services: Sequence[str]) -> list[str]:
    """All components, or those that the services need, with the gateway."""
    if not services:
        return list(platform.components)
    found = {c.name for c in platform.components.values() if c.config}
    wanted: list[Any] = [platform.services[name] for name in services]
    while wanted:
        for use in wanted.pop().uses:
            unit = platform.resolve(use.service)
            if unit is not None and not isinstance(unit, Service) and unit.name not in found:
                found.add(unit.name)
                wanted.append(unit)
    return [name for name in platform.components if name in found]


def _fresh(estate: Estate, before: Live, service: Service, version: str) -> Side:
    replicas = estate.described.replicas.get(service.name, service.scale.replicas)
    return Side(service.name, before.revisions.get(service.name, 0) + 1, version, replicas, 100, "")


def _with(live: Live, before: Live, side: Side, *, keep: bool) -> Live:
    """With the side as the one that serves: a standing one of the same content, else the new one."""
    held = before.sides.get(side.service, ())
    same = [s for s in held if s.content == side.content and s.replicas == side.replicas]
    serving = before.serving(side.service)
    chosen = max(same, key=lambda s: s.share, default=side)
    if chosen is side:
        live = replace(live, revisions={**live.revisions, side.service: side.revision})
    if serving is not None and chosen.name == serving.name:
        return live.with_sides(
            side.service, (*(s for s in held if s.name != chosen.name), chosen.sharing(100))
        )
    old = (serving.sharing(0),) if keep and serving is not None else ()
    return live.with_sides(side.service, (*old, chosen.sharing(100)))


def intend(
    estate: Estate,
    after: Live,
    *,
    action: str,
    version: str,
    services: Sequence[str] = (),
    strategies: Mapping[str, Strategy] | None = None,
    reason: str = "",
    back: bool = False,
    judged: bool = False,
) -> Intent:
    """Decide how to get from what serves to what should.

    `strategies`: those by which services change over otherwise than described; `back`: without watching and
    migrating; `judged`: a person goes on with what was watched to no end.
    """
    _refuse_strangers(estate)
    before, chosen = estate.live(), strategies or {}
    flags = {"back": back, "judged": judged}
    return _intent(estate, before, after, action, version, tuple(services), chosen, reason, **flags)


def _intent(
    estate: Estate,
    before: Live,
    after: Live,
    action: str,
    version: str,
    services: tuple[str, ...],
    chosen: Mapping[str, Strategy],
    reason: str,
    *,
    back: bool,
    judged: bool = False,
) -> Intent:
    after, joint, lost = _with_images(estate, before, after)
    if lost and action == "promote":
        raise NexusError(
            f"no engine that answers has the image of {', '.join(sorted(lost))}",
            hint=f"nexus deploy {estate.name} --version {version} builds it again, which is no promotion",
        )
    standing = replace(after, sides=before.sides)
    composed = estate.composed(joint)
    gateway = estate.gateway_unit(standing)
    units = [gateway if gateway and unit.name == gateway.name else unit for unit in estate.units(joint)]
    units += estate.hooks(units, after)
    observed = estate.engine.observe()
    unprepared = frozenset(u.name for u in units if not estate.engine.prepared(u))
    was = (estate.gateway_unit(before) if before.base else None) or gateway
    strayed, other = set(_strayed(was, observed)), _other_settings(was, gateway)
    facts = Facts(observed, unprepared, strayed | other)
    strategies = {
        name: _way_back(found) if back else found
        for name, service in composed.services.items()
        for found in (chosen.get(name) or estate.described.strategy or service.deploy.strategy,)
    }
    if gateway is None and any(found != "recreate" for found in strategies.values()):
        raise UsageError(
            f"{estate.platform.name} has no gateway: there is nothing that could move requests",
            hint='include "catalogue:gateway" in nexus.yaml, or deploy with --strategy recreate',
        )
    change = Change(
        title=f"{action} {version} {'in' if back else 'to'} {estate.title}",
        before=standing,
        after=after,
        units=units,
        facts=facts,
        gateway=gateway.name if gateway else "",
        uses={name: [use.service for use in s.uses] for name, s in composed.services.items()},
        deploys={name: service.deploy for name, service in composed.services.items()},
        strategies=strategies,
        watched=not back,
        migrate=not back,
        judged=judged,
        strayed=bool(strayed),
    )
    notes = tuple(
        f"no engine that answers has the image of {name}: it is built again" for name in sorted(lost)
    )
    return Intent(
        estate, action, version, before, after, change, plan(change), services, reason, strategies, notes
    )


def _with_images(estate: Estate, before: Live, after: Live) -> tuple[Live, Live, set[str]]:
    """What is wanted, and that with what is there, with images; and the sides whose image is built again."""
    after = as_built(estate, after)
    joint = _joint(before, after)
    estate.settle(joint)
    lost = nowhere(estate, joint)
    return (rebuilt(after, lost), rebuilt(joint, lost), lost) if lost else (after, joint, lost)


def _refuse_strangers(estate: Estate) -> None:
    """Refuse to touch what runs under the environment's name and was not deployed by this ledger."""
    if estate.ledger.last(estate.name, "begun") is not None:
        return
    running = sorted(seen.name for seen in estate.engine.observe())
    if running:
        raise UsageError(
            f"{estate.title} runs already ({', '.join(running[:3])} …), and this ledger knows nothing of it",
            hint="share the ledger it was deployed with (NEXUS_LEDGER), or take it down first",
        )


def _strayed(gateway: Unit | None, observed: Sequence[Observed]) -> Iterator[str]:
    """The gateway as it was, if it runs and leads requests elsewhere than the ledger says."""
    for seen in observed:
        runs = gateway is not None and seen.name == gateway.name and seen.state is State.RUNNING
        if gateway is not None and runs and any(f.what == "routing" for f in routing(gateway, seen)):
            yield gateway.name


def _other_settings(was: Unit | None, gateway: Unit | None) -> set[str]:
    """The gateway, if it leads the same sides by other settings, which it takes as it runs."""
    if was is None or gateway is None:
        return set()
    held = {name: file.content for name, file in was.files.items() if file.live}
    live = {name: file.content for name, file in gateway.files.items() if file.live}
    return {gateway.name} if any(not same(held.get(name), text) for name, text in live.items()) else set()


def _way_back(strategy: Strategy) -> Strategy:
    """At once, unless two of it must never run."""
    return strategy if strategy == "recreate" else "blue-green"


def _joint(before: Live, after: Live) -> Live:
    """Everything that may have to run for either, described as it will be."""
    sides = {}
    for name in sorted(before.sides.keys() | after.sides.keys()):
        own = after.sides.get(name, ())
        # of a rolling change, replicas are counted as many as there ever are
        others = {side.name: side for side in before.sides.get(name, ())}
        merged = [replace(s, replicas=max(s.replicas, others.pop(s.name, s).replicas)) for s in own]
        sides[name] = (*merged, *others.values())
    return replace(after, sides=sides)


def carry_out(intent: Intent, token: int, emit: Emit) -> Result:
    """Do it, with every step in the ledger; what fails is taken back."""
    estate, ledger, began = intent.estate, intent.estate.ledger, time.monotonic()
    _check_secrets(estate, intent.after)
    engines.keep(estate.folder, estate.choice)
    mark_deployed(estate.workspace, estate.name)
    run = ledger.append(estate.name, "begun", _begun(intent), token=token).number
    rollout, outcome = _apply(intent, run, token, emit)
    result = _result(rollout, outcome, began)
    if result.outcome in {FAILED, INTERRUPTED}:
        emit(Note(f"{result.why or 'interrupted'}: going back to what was", "warning"))
        _on_failure(intent, emit)
        went_back = _undo(intent, rollout.live, run, token, emit)
        if went_back is None:
            result = replace(result, outcome=BROKEN_OFF)
        else:
            ending = BACK if result.outcome == FAILED else INTERRUPTED
            result = replace(result, live=went_back, outcome=ending)
    seconds = time.monotonic() - began
    ended = {"run": run, "outcome": result.outcome, "why": result.why, "seconds": round(seconds, 3)}
    ledger.append(estate.name, "ended", ended, token=token)
    return replace(result, seconds=seconds)


def _on_failure(intent: Intent, emit: Emit) -> None:
    """Run what services have hooked in for this case; that it fails too changes nothing."""
    changed = {name for name, sides in intent.after.sides.items() if intent.before.sides.get(name) != sides}
    units = [
        unit
        for unit in intent.change.units
        if unit.name.endswith(".on-failure") and owner(unit.name) in changed
    ]
    steps = tuple(Step("run", unit.name, f"on-failure of {owner(unit.name)}") for unit in units)
    if steps:
        Runner(intent.estate.engine, units, emit).run(Plan(f"on-failure {intent.version}", steps))


def _result(rollout: Rollout, outcome: Outcome, began: float) -> Result:
    reasons = [failure.reason for failure in outcome.failed.values()]
    why = next((reason for reason in reasons if reason != rollout.unclear), "")
    kind = SUCCEEDED if outcome.ok else FAILED
    if outcome.interrupted:
        kind = INTERRUPTED
    elif rollout.unclear and not why:
        kind, why = PAUSED, rollout.unclear
    return Result(kind, rollout.live, time.monotonic() - began, why)


def _apply(intent: Intent, run: int, token: int, emit: Emit) -> tuple[Rollout, Outcome]:
    """Carry out the plan; steps and changes of what serves are written as they happen."""
    estate = intent.estate

    def record(live: Live, step: str) -> None:
        body = {"run": run, "step": step, "live": live.as_dict()}
        estate.ledger.append(estate.name, "live", body, token=token)

    def journalled(event: Event) -> None:
        emit(event)
        body = _journal(event)
        if body:
            estate.ledger.append(estate.name, "step", {"run": run, **body}, token=token)

    rollout = Rollout(
        estate.engine,
        intent.change.units,
        intent.change.before,
        estate.gateway_unit,
        record,
        lambda side, url: _meet(intent, side, url, emit),
        journalled,
    )
    outcome = rollout.run(intent.plan)
    final = rollout.identified(intent.after) if outcome.ok else rollout.live
    if rollout.live != final:
        rollout.live = final
        record(final, "")
    return rollout, outcome


def _meet(intent: Intent, side: Side, url: str, emit: Emit) -> None:
    """Look at what a new side offers, and say what callers of the one before cannot rely on any more."""
    estate, old = intent.estate, intent.before.serving(side.service)
    release = estate.release(side.release)
    interface.keep(estate.workspace, side.service, release, url)
    if old is None or old.release == side.release or not intent.change.watched:
        return
    found = interface.compared(estate.workspace, side.service, estate.release(old.release), release)
    for line in interface.breaking(found) if found else ():
        emit(
            Note(
                f"{side.service} {release.version} breaks what callers of {old.release} rely on: {line}",
                "warning",
            )
        )


def _undo(intent: Intent, live: Live, run: int, token: int, emit: Emit) -> Live | None:
    """Lead back to what was before; says what serves then, nothing if it did not work out."""
    version = intent.before.base or "nothing"
    try:
        back = _intent(
            intent.estate,
            live,
            intent.before if intent.before.base else replace(intent.before, base=live.base),
            "back",
            version,
            (),
            intent.strategies,
            "",
            back=True,
        )
        rollout, outcome = _apply(back, run, token, emit)
    except NexusError as fault:
        emit(
            Note(f"the way back failed: {fault.message}", "error", f"nexus status --env {intent.estate.name}")
        )
        return None
    return rollout.live if outcome.ok else None


def _begun(intent: Intent) -> dict[str, Any]:
    return {
        "action": intent.action,
        "version": intent.version,
        "services": list(intent.services),
        "actor": actor(),
        "reason": intent.reason,
        "before": intent.before.as_dict(),
        "after": intent.after.as_dict(),
        "strategies": dict(intent.strategies),
        "secrets": {"provider": intent.estate.described.secrets.provider, "names": _secret_names(intent)},
        "plan": [str(step) for step in intent.plan.steps],
    }


def _secret_names(intent: Intent) -> list[str]:
    platform = intent.estate.composed(intent.after)
    return sorted({name for unit in platform.units for name in unit.secrets})


def _check_secrets(estate: Estate, after: Live) -> None:
    platform = estate.composed(after)
    values = estate.bindings(after).secrets
    faults = store.missing(platform, values, {unit.name for unit in platform.units})
    if faults:
        lines = "\n".join(f"{name}: {message}" for _, name, _, message, _ in faults)
        raise UsageError(
            lines, hint=f"nexus secret set NAME --env {estate.name}, or see its secrets.provider"
        )


def _journal(event: Event) -> dict[str, Any]:
    match event:
        case StepStarted():
            return {"id": event.id, "state": "begun"}
        case StepFinished():
            return {
                "id": event.id,
                "state": "done",
                "seconds": round(event.seconds, 3),
                "detail": event.detail,
            }
        case StepFailed():
            return {"id": event.id, "state": "failed", "detail": event.failure.reason}
        case _:
            return {}
