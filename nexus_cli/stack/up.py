"""Bringing a stack up: which plan, on which engine, with which ports, and what became of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from nexus_cli.apply import Outcome
from nexus_cli.events import Emit, Note
from nexus_cli.identity import port_holder
from nexus_cli.plan import Plan, Step
from nexus_cli.stack import engines, scale, settled
from nexus_cli.stack import ports as port_numbers
from nexus_cli.stack.detours import Edge
from nexus_cli.stack.reconcile import UNPREPARED, Facts, in_order, preparations, reconcile
from nexus_cli.stack.run import Runner
from nexus_cli.stack.stack import Stack, assemble, check_secrets, generated_secrets
from nexus_cli.unit import Observed, State, Unit, owner
from nexus_cli.workspace import Workspace

_BEGIN = frozenset({"start", "run", "restart"})
Select = Callable[[Stack], Sequence[Unit]]
"""Which of a stack's units are meant."""

_ALIVE = frozenset({State.STARTING, State.RUNNING, State.STOPPING})


@dataclass(frozen=True, slots=True)
class Intent:
    """What `up` is about to do: the stack as it will be bound, the units asked for and the plan."""

    stack: Stack
    units: Sequence[Unit]
    plan: Plan
    began: int = 0
    replicas: Mapping[str, int] = field(default_factory=dict)


def intend(
    workspace: Workspace,
    environment: str,
    select: Select,
    *,
    free_ports: bool = False,
    check: bool = True,
    engine: str | None = None,
    replicas: Mapping[str, int] | None = None,
    edges: Sequence[Edge] = (),
    disks: Mapping[str, int] | None = None,
) -> Intent:
    """Decide what bringing units up means now; held ports and missing secrets are faults.

    `replicas` are numbers of replicas that shall count from now on; `edges` and `disks` as `assemble` has
    them.
    """
    began = time.time_ns()
    assembled = partial(
        assemble, workspace, environment, engine=engine, replicas=replicas, edges=edges, disks=disks
    )
    stack = assembled()
    units = select(stack)
    facts = stack.facts(units)
    plan = _plan(stack, units, facts)
    if not check:
        return Intent(stack, units, plan)
    check_secrets(stack, units)
    before = stack.bindings.ports
    if stack.choice.far:
        return Intent(stack, units, plan, began, replicas or {})
    ports = port_numbers.settle(
        before,
        _listening(plan, units, facts.observed),
        seed=str(workspace.root),
        substitute=free_ports,
        leaving=_freed(stack, facts.observed),
        holder=port_holder,
    )
    port_numbers.keep(stack.folder, stack.platform, ports)
    if ports != before:
        stack = assembled()
        units = select(stack)
        plan = _plan(stack, units, stack.facts(units))
    return Intent(stack, units, plan, began, replicas or {})


def replicas_of(names: Collection[str], stack: Stack) -> list[Unit]:
    """The named services' replicas with all that they need, and the gateways that run."""
    running = {seen.name for seen in stack.engine.observe()}
    return stack.closure(
        unit.name
        for unit in stack.units
        if unit.described in names or (unit.upstreams and unit.name in running)
    )


def needed_by(name: str, stack: Stack) -> list[Unit]:
    """All that a unit needs, without itself."""
    return stack.closure(stack.unit(name).needs)


def bring_up(intent: Intent, emit: Emit) -> Outcome:
    """Carry out the plan of `up`."""
    stack = intent.stack
    if engines.in_use(stack.folder) is None:
        emit(Note(f"engine: {stack.choice} ({stack.choice.why})"))
        engines.keep(stack.folder, stack.choice)
    _tell(intent, emit)
    if intent.replicas:
        scale.ask(stack.folder, intent.replicas)
    settled.forget(stack.folder)
    outcome = _carry_out(stack, intent.units, intent.plan, emit)
    if outcome.ok and intent.units == stack.subset(()):
        settled.remember(stack.workspace, stack.environment, stack.platform, intent.units, intent.began)
    return outcome


def _tell(intent: Intent, emit: Emit) -> None:
    """What a person should know of a platform that is not quite as described."""
    stack = intent.stack
    if stack.left_out:
        emit(Note(f"left out, as they run on Docker only: {', '.join(stack.left_out)}"))
    generated = generated_secrets(stack, intent.units)
    if generated:
        hint = "nexus secret set NAME gives a real one"
        emit(Note(f"generated values stand in for {', '.join(generated)}", hint=hint))


def _plan(stack: Stack, units: Sequence[Unit], facts: Facts) -> Plan:
    return reconcile(f"up {stack.title}", units, facts, {unit.name for unit in stack.units})


def _listening(plan: Plan, units: Sequence[Unit], observed: Sequence[Observed]) -> list[str]:
    """The units that will have to take their ports: those begun by the plan that do not hold them already."""
    begun = {step.unit for step in plan.steps if step.action in _BEGIN}
    holding = {
        unit.name: set(unit.ports.values())
        for unit in observed
        if unit.state in _ALIVE and (unit.pid is not None or unit.container)
    }
    return [
        unit.name
        for unit in units
        if unit.name in begun and unit.ports and not set(unit.ports.values()) <= holding.get(unit.name, set())
    ]


def _freed(stack: Stack, observed: Sequence[Observed]) -> set[int]:
    """The ports of our own units that the plan stops before it starts others."""
    known = {unit.name for unit in stack.units}
    return {port for unit in observed if unit.name not in known for port in unit.ports.values()}


def make_ready(stack: Stack, names: Sequence[str], emit: Emit) -> Outcome:
    """Build and fetch what the named units run on, and start nothing."""
    units = stack.subset(names)
    plan = preparations(f"build {stack.title}", units, stack.facts(units).unprepared)
    return _carry_out(stack, units, plan, emit)


def start_again(stack: Stack, names: Sequence[str], emit: Emit) -> Outcome:
    """Stop and start the named units, each after those of them that it needs."""
    units = in_order(replace(unit, store=None) for unit in stack.named(names))  # a job is done once more
    begun = {unit.name: f"restart {unit.name}" for unit in units}
    steps: list[Step] = []
    for unit in units:
        after = [begun[need] for need in unit.needs if need in begun]
        if not stack.engine.prepared(unit):
            steps.append(Step("prepare", unit.name, UNPREPARED))
            after.append(f"prepare {unit.name}")
        steps.append(Step("restart", unit.name, "asked for", tuple(after)))
    return _carry_out(stack, units, Plan(f"restart {stack.title}", tuple(steps)), emit)


def _carry_out(stack: Stack, units: Sequence[Unit], plan: Plan, emit: Emit) -> Outcome:
    """Carry out a plan, once the images are there that what it makes ready stands on."""
    unready = {owner(step.unit) for step in plan.steps if step.action == "prepare"}
    if unready and stack.choice.engine == "docker":
        from nexus_cli.engine.docker.client import lean
        from nexus_cli.stack import images

        with contextlib.closing(lean(stack.choice.where)) as client:
            images.have(client, stack.platform, unready, emit)
    return Runner(stack.engine, units, emit).run(plan)
