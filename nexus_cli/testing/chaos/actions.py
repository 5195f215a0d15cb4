"""What can be done to a running platform: how each disturbance begins, and how it is taken back."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nexus_cli.blueprint.images import base_images
from nexus_cli.errors import NexusError
from nexus_cli.stack import detours
from nexus_cli.stack.forms import FILES, Layout
from nexus_cli.stack.reconcile import reconcile
from nexus_cli.stack.run import Runner
from nexus_cli.stack.stack import Stack
from nexus_cli.testing.chaos.experiment import Trial
from nexus_cli.testing.run import uninterrupted
from nexus_cli.unit import Container, File, Stored, Unit

_PROGRAM = Path(__file__).with_name("pressure.py")
_SLACK = 60.0  # seconds after which what disturbs ends by itself, should nobody be left to end it
_MEMORY = 256 << 20
_PRESSURE = "pressure"

Undo = Callable[[], None]


class NotHere(Exception):
    """It cannot be done on this engine, or in this stack; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where experiments are done: a running stack, which is `own` when it is a copy that is only for them.

    `led` are the units that the connections which can be disturbed lead through, by the connection.
    """

    stack: Stack
    own: bool
    led: Mapping[detours.Edge, Unit]

    def units(self, target: str) -> list[Unit]:
        """All replicas of a service, or a component."""
        return [unit for unit in self.stack.named([target]) if unit.kind != "job"]


def kill(field: Field, trial: Trial) -> Undo:
    """End the target's programs at once; the engine starts them again."""
    for unit in field.units(trial.target):
        field.stack.engine.kill(unit.name)
    return lambda: None


def pause(field: Field, trial: Trial) -> Undo:
    """Halt the target: connections to it stay open, and nobody answers."""
    engine, units = field.stack.engine, field.units(trial.target)

    return _undone_if_broken(lambda: _each(units, engine.resume), lambda: _each(units, engine.pause))


def stop(field: Field, trial: Trial) -> Undo:
    """Take the target away: connections to it are refused."""
    engine, units = field.stack.engine, field.units(trial.target)
    return _undone_if_broken(lambda: start(field.stack, units), lambda: _each(units, engine.stop))


def delay(field: Field, trial: Trial) -> Undo:
    """Let everything on the way to the target, and back, come later."""
    experiment = trial.experiment
    return _on_the_way(field, trial, {"delay": experiment.by or 0.0, "jitter": experiment.jitter})


def loss(field: Field, trial: Trial) -> Undo:
    """Lose packets on the way to the target and back."""
    return _on_the_way(field, trial, {"loss": (trial.experiment.percent or 0.0) / 100})


def partition(field: Field, trial: Trial) -> Undo:
    """Let nothing through to the target, nor back; nobody is told."""
    return _on_the_way(field, trial, {"partition": 1})


def cpu(field: Field, trial: Trial) -> Undo:
    """Keep cores of the machine busy, all unless the experiment says how many."""
    cores = trial.experiment.cores or os.cpu_count() or 1
    return _beside(field, trial, "cpu", str(cores))


def memory(field: Field, trial: Trial) -> Undo:
    """Take memory of the machine, never so much that none is left for others."""
    import psutil

    wanted = trial.experiment.size or _MEMORY
    available = psutil.virtual_memory().available
    if wanted > available * 0.9:
        raise NotHere(f"only {available >> 20} MiB of memory are free, of which 10 % are left alone")
    return _beside(field, trial, "memory", str(wanted))


def disk(field: Field, trial: Trial) -> Undo:
    """Fill the disk that the target stores its data on."""
    unit = field.units(trial.target)[0]
    runtime = unit.runtime
    if not isinstance(runtime, Container):
        raise NotHere("processes share this machine's disk, which is not filled: use --engine docker")
    if not field.own:
        raise NotHere("the disk of a stack in use is not filled: run it on a copy, without --reuse")
    stored = next((v for v in runtime.volumes.values() if v.size), None)
    if stored is None:
        raise NotHere(f"{trial.target} stores nothing")
    return _beside(field, trial, "disk", "/full", {"/full": Stored(stored.name, shared=True)})


def clock(field: Field, trial: Trial) -> Undo:
    """Start the target with a clock that is wrong by so much."""
    library = next((path for path in _FAKE_CLOCKS if path.exists()), None)
    if library is None:
        raise NotHere("libfaketime is not installed (apt-get install libfaketime)")
    units = field.units(trial.target)
    if any(isinstance(unit.runtime, Container) for unit in units):
        raise NotHere(
            "containers have this machine's clock, and libraries of their own: use --engine process"
        )
    shift = f"{trial.experiment.by or 0:+g}s"

    wrong = {"LD_PRELOAD": str(library), "FAKETIME": shift, "DONT_FAKE_MONOTONIC": "1"}
    ahead = [replace(unit, env={**unit.env, **wrong}) for unit in units]
    return _undone_if_broken(
        lambda: start(field.stack, units, again=True), lambda: start(field.stack, ahead, again=True)
    )


ACTIONS: Mapping[str, Callable[[Field, Trial], Undo]] = {
    "kill": kill,
    "pause": pause,
    "stop": stop,
    "delay": delay,
    "loss": loss,
    "partition": partition,
    "disk": disk,
    "cpu": cpu,
    "memory": memory,
    "clock": clock,
}

_FAKE_CLOCKS = [
    *Path("/usr/lib").glob("*/faketime/libfaketime.so.1"),
    Path("/usr/lib/faketime/libfaketime.so.1"),
    Path("/usr/lib64/faketime/libfaketime.so.1"),
]


def start(stack: Stack, units: Sequence[Unit], *, again: bool = False) -> None:
    """Have units running and ready as they are given; with `again`, those that run are started anew."""
    names = {unit.name for unit in units}
    if again:
        for name in names:
            stack.engine.stop(name)
    plan = reconcile(
        "restore", units, stack.facts(units), {u.name for u in stack.units} | _beside_names(stack)
    )
    outcome = Runner(stack.engine, [*stack.units, *units], lambda _: None).run(plan)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if not outcome.ok:
        said = "; ".join(f"{f.unit}: {f.reason}" for f in outcome.failed.values())
        raise NexusError(f"what was taken away does not start again: {said}", hint="nexus logs")


def _beside_names(stack: Stack) -> set[str]:
    return {seen.name for seen in stack.engine.observe() if seen.name.startswith(_PRESSURE)}


def _each(units: Sequence[Unit], do: Callable[[str], None]) -> None:
    for unit in units:
        do(unit.name)


def _undone_if_broken(undo: Undo, begin: Callable[[], object]) -> Undo:
    """Begin; what was begun by half, or when interrupted, is taken back at once."""
    try:
        begin()
    except BaseException:
        with uninterrupted():
            undo()
        raise
    return undo


def _on_the_way(field: Field, trial: Trial, fault: Mapping[str, float]) -> Undo:
    edges = trial.edges(field.stack.platform, field.stack.bindings)
    led = [field.led[edge] for edge in edges if edge in field.led]
    if not edges:
        raise NotHere(f"nobody uses {trial.target}")
    if len(led) < len(edges):
        raise NotHere(
            "the connections of a stack in use are not led through us: run it on a copy, without --reuse"
        )
    engine = field.stack.engine
    over = {"until": time.time() + trial.experiment.for_ + _SLACK}

    def disturb(how: Mapping[str, float]) -> None:
        for unit in led:
            engine.configure(detours.disturbed(unit, how))

    return _undone_if_broken(lambda: disturb({}), lambda: disturb({**fault, **over}))


def _beside(
    field: Field, trial: Trial, what: str, how: str, volumes: Mapping[str, Stored] | None = None
) -> Undo:
    """Run a program of ours beside the platform's units, on the same engine."""
    engine = field.stack.engine
    unit = _pressure(field.stack, trial.experiment.for_ + _SLACK, what, how, volumes or {})

    def begin() -> None:
        if not engine.prepared(unit):
            engine.prepare(unit, lambda _: None)
        engine.start(unit)

    return _undone_if_broken(lambda: engine.stop(unit.name), begin)


def _pressure(stack: Stack, seconds: float, what: str, how: str, volumes: Mapping[str, Stored]) -> Unit:
    name = f"{_PRESSURE}-{what}"
    folder = Layout(stack.folder, b"").files(name)
    containers = stack.choice.engine == "docker"
    inside = FILES if containers else str(folder)
    python = "python3" if containers else sys.executable
    runtime = None
    if containers:
        image = base_images(stack.platform)["python"]
        runtime = Container(image, files=FILES, volumes=volumes, init=True, user="0", restart="no")
    return Unit(
        name=name,
        kind="component",
        command=(python, f"{inside}/pressure.py", f"{seconds:g}", what, how),
        fingerprint="",
        files={"pressure.py": File(_PROGRAM.read_text(encoding="utf-8"))},
        files_folder=folder,
        runtime=runtime,
        stop_seconds=5.0,
    )
