"""What `deploy`, `rollback` and their like do from a person's words to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from nexus_cli import workspace
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Strategy
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Emit, Note, Summary
from nexus_cli.release import gates
from nexus_cli.release.deploy import SUCCEEDED, Intent, Result, carry_out, intend, target
from nexus_cli.release.estate import BROKEN_OFF, PAUSED, Estate, estate
from nexus_cli.release.lock import actor, lock
from nexus_cli.release.make import release_of
from nexus_cli.release.notify import notify, told
from nexus_cli.release.promote import promoted
from nexus_cli.release.record import Live, Release
from nexus_cli.release.restore import crossed, left, restored
from nexus_cli.release.retention import prune, unneeded_images
from nexus_cli.release.strategies import STRATEGIES
from nexus_cli.render import renderer


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for, as the command line says it."""

    environment: str
    version: str | None = None
    services: Sequence[str] = ()
    strategy: str | None = None
    reason: str = ""
    engine: str | None = None
    break_glass: str = ""
    dirty: bool = False
    yes: bool = False
    dry_run: bool = False
    wait: float = 0.0
    output: str = "text"
    data_loss: bool = False


def deploy(order: Order) -> int:
    """Bring a release into the environment."""

    def decide(place: Estate, emit: Emit) -> Intent:
        release = _release(place, order, emit)
        strategy = _strategy(order.strategy)
        place.know(release)
        after = target(place, release, order.services, strategy)
        return intend(
            place,
            after,
            action="deploy",
            version=release.version,
            services=order.services,
            strategies=_for_all(after, strategy),
            reason=order.reason,
        )

    return _do(order, "deploy", decide)


def promote(order: Order, source: str) -> int:
    """Bring in what serves in another environment, unchanged."""

    def decide(place: Estate, emit: Emit) -> Intent:
        del emit
        strategy = _strategy(order.strategy)
        version, after = promoted(estate(place.workspace, source), place, order.services, strategy)
        return intend(
            place,
            after,
            action="promote",
            version=version,
            services=order.services,
            strategies=_for_all(after, strategy),
            reason=order.reason,
        )

    if source == order.environment:
        raise UsageError("an environment cannot be promoted to itself")
    return _do(order, f"promote {source}", decide)


def resume(order: Order) -> int:
    """Go on with what was broken off."""

    def decide(place: Estate, emit: Emit) -> Intent:
        del emit
        begun = place.unfinished()
        if begun is None:
            raise UsageError(f"nothing was broken off in {place.name}", hint=f"nexus deploy {place.name}")
        body = begun.body
        return intend(
            place,
            Live.of(body["after"]),
            action=body["action"],
            version=body["version"],
            services=body["services"],
            strategies=body["strategies"],
            reason=body["reason"],
            back=body["action"] == "rollback",
            judged=place.paused,
        )

    return _do(order, "deploy --resume", decide)


def rollback(order: Order) -> int:
    """Bring back what served before."""

    def decide(place: Estate, emit: Emit) -> Intent:
        del emit
        version, after = _earlier(place, order)
        _refuse_loss(place, after, accepted=order.data_loss)
        return intend(
            place,
            after,
            action="rollback",
            version=version,
            services=order.services,
            reason=order.reason,
            back=True,
        )

    return _do(order, "rollback", decide)


def _do(order: Order, command: str, decide: Callable[[Estate, Emit], Intent]) -> int:
    """Decide, show, ask, and carry out under the environment's lock."""
    place = estate(workspace.find(), order.environment, engine=order.engine)
    words = f"{command} {order.environment}"
    with renderer(order.output) as emit:
        if order.dry_run:
            intent = _decided(place, emit, decide)
            for refusal in gates.found(intent):
                emit(Note(refusal.why, "warning", refusal.hint))
            _show(intent, order)
            return 0
        with lock(place.ledger, place.name, words, emit, wait=order.wait) as token:
            intent = _decided(place, emit, decide)
            if not intent.plan.changed:
                emit(Note(f"{place.title}: {intent.version} serves already"))
                if intent.before == intent.after:
                    return 0
            over = gates.broken(intent, order.break_glass)
            for rule in over:
                emit(Note(f"the glass is broken: {rule}", "warning"))
            if intent.plan.changed and not order.yes:
                _ask(place, intent)
            if over:
                gates.break_(intent, token, order.break_glass, over)
            result = carry_out(intent, token, emit)
            emit(summary(intent, result))
        _afterwards(intent, result, over, emit)
    _explain(place, result)
    return result.exit_code


def _decided(place: Estate, emit: Emit, decide: Callable[[Estate, Emit], Intent]) -> Intent:
    intent = decide(place, emit)
    for note in intent.notes:
        emit(Note(note, "warning"))
    return intent


def _afterwards(intent: Intent, result: Result, over: tuple[str, ...], emit: Emit) -> None:
    """Tell who wants to be told, and let go of what nobody needs any more; neither changes what became."""
    place = intent.estate
    notify(place, told(intent, result, over, actor()), emit)
    if result.outcome == SUCCEEDED and intent.action in {"deploy", "promote"}:
        try:
            gone = prune(place.workspace, place.platform, place.ledger)
            if images := unneeded_images(place.platform, place.ledger):
                place.engine.forget_images(images)
        except NexusError as fault:
            emit(Note(f"old releases were not tidied up: {fault.message}", "warning", fault.hint or ""))
            return
        if gone:
            emit(Note(f"removed the code of {len(gone)} services of releases that nobody needs any more"))


def _release(place: Estate, order: Order, emit: Emit) -> Release:
    return release_of(
        place.workspace,
        place.platform,
        place.ledger,
        emit,
        version=order.version,
        reason=order.reason,
        dirty=order.dirty,
        keep=not order.dry_run,
    )


def _strategy(name: str | None) -> Strategy | None:
    if name is not None and name not in STRATEGIES:
        hint = did_you_mean(name, STRATEGIES) or f"there are {', '.join(STRATEGIES)}"
        raise UsageError(f'unknown strategy "{name}"', hint=hint)
    return cast("Strategy | None", name)


def _for_all(after: Live, strategy: Strategy | None) -> dict[str, Strategy]:
    return dict.fromkeys(after.sides, strategy) if strategy else {}


def _earlier(place: Estate, order: Order) -> tuple[str, Live]:
    """What to go back to: a version, or what served before the last change that succeeded or broke off."""
    if order.version is not None:
        return order.version, target(place, place.release(order.version), order.services, None)
    before = place.before_last()
    if before is None or not before.base:
        raise UsageError(f"nothing served in {place.name} before", hint="name a release with --version")
    now = place.live()
    for name in order.services:
        if name not in now.sides:
            raise UsageError(f'no service "{name}" serves in {place.name}')
    chosen = set(order.services) or now.sides.keys() | before.sides.keys()
    after = before if not order.services else now
    for name in chosen:
        after = place.again(after, now, name, before.sides.get(name, ()))
    versions = {side.release for name in chosen for side in after.sides.get(name, ())[-1:]}
    return before.base if not order.services else ", ".join(sorted(versions)), after


def _refuse_loss(place: Estate, after: Live, *, accepted: bool) -> None:
    """Refuse to go back over migrations whose loss the earlier code may not live with."""
    losing = [f"{name}: {migration} ({lost})" for name, migration, lost in crossed(place, after) if lost]
    if losing and not accepted:
        raise NexusError(
            "it would go back over migrations that cannot be undone:\n  " + "\n  ".join(losing),
            hint="the old code may not find its data; --accept-data-loss goes back all the same",
        )


def _show(intent: Intent, order: Order) -> None:
    import json

    back = {"restored": restored(intent), "stays": left(intent)} if intent.action == "rollback" else {}
    if order.output == "json":
        sys.stdout.write(json.dumps({**intent.plan.as_dict(), **back}, indent=2) + "\n")
        return
    sys.stdout.write(f"{intent.change.title}\n{intent.plan}\n")
    for what, lines in back.items():
        sys.stdout.writelines(f"{what:<9} {line}\n" for line in lines)


def _ask(place: Estate, intent: Intent) -> None:
    """Have a person agree, where the environment says so."""
    if not place.described.confirm:
        return
    sys.stderr.write(f"{intent.change.title}\n{intent.plan}\n")
    if not sys.stdin.isatty():
        raise UsageError(f"{place.name} wants to be asked", hint="--yes answers for you")
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NexusError("nothing was done")


def summary(intent: Intent, result: Result) -> Summary:
    """What serves now, beside what served before."""
    rows = []
    for name in sorted(intent.before.sides.keys() | result.live.sides.keys()):
        old, new = intent.before.serving(name), result.live.serving(name)
        rows.append(
            (name, old.release if old else "-", new.release if new else "-", _shares(result.live, name))
        )
    return Summary(intent.change.title, ("service", "before", "now", "requests"), tuple(rows))


def _shares(live: Live, name: str) -> str:
    sides = sorted(live.sides.get(name, ()), key=lambda side: -side.share)
    return ", ".join(f"{s.release} {s.share} %" if s.share else f"{s.release} kept" for s in sides) or "gone"


def _explain(place: Estate, result: Result) -> None:
    if result.outcome in {PAUSED, BROKEN_OFF}:
        sys.stderr.write(
            f"{result.outcome}: {result.why or 'interrupted'}\n"
            f"hint: nexus deploy {place.name} --resume, or nexus rollback {place.name}\n"
        )
    elif result.outcome != "succeeded":
        sys.stderr.write(f"{result.outcome}: {result.why or 'interrupted'}\n")
