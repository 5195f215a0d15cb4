"""Carries out the steps of a deployment: those of `up`, and those that move and watch requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from nexus_generators.envoy import Counted

from nexus_cli.apply import StepFault
from nexus_cli.engine.engine import Engine
from nexus_cli.errors import NexusError
from nexus_cli.events import Emit, Failure, StepProgress
from nexus_cli.plan import Step
from nexus_cli.release.moves import Check, Drain, Shift, Watch
from nexus_cli.release.record import Live, Side
from nexus_cli.release.verdict import Judgement, Says, judge
from nexus_cli.stack import traffic
from nexus_cli.stack.run import LOG_LINES, Runner
from nexus_cli.unit import Observed, State, Unit, side

_INTERVAL = 0.1
_TELL = 1.0
_TIMEOUT = 5.0
_AGAIN = 3  # holds until a canary that nobody calls is left to a person


class Rollout(Runner):
    """Executes one plan; `live` is what serves at this moment, and `record` is told of each change of it.

    `gateway` says what the gateway's unit is for a state of the environment, if there is a gateway; `meet` is
    told of a side, and where it is reached, before it gets its first request.
    """

    def __init__(
        self,
        engine: Engine,
        units: Sequence[Unit],
        live: Live,
        gateway: Callable[[Live], Unit | None],
        record: Callable[[Live, str], None],
        meet: Callable[[Side, str], None],
        emit: Emit,
    ) -> None:
        super().__init__(engine, units, emit)
        self.live = live
        self.gateway = gateway
        self.plane = gateway(live)
        self.record = record
        self.meet = meet
        self.moving = threading.Lock()
        self.unclear = ""
        self.images: dict[str, str] = {}
        self.actions = {
            **self.actions,
            "configure": self._restore,
            "shift": self._shift,
            "watch": self._watch,
            "drain": self._drain,
            "smoke": self._smoke,
        }

    def _restore(self, step: Step) -> str:
        """Have the gateway lead requests as the ledger says, whoever changed that."""
        gateway, seen = self._running(step.unit)
        traffic.restore(self.engine, gateway, seen, self.cancelled)
        return ""

    def _shift(self, step: Step) -> str:
        assert isinstance(step, Shift)  # noqa: S101
        known = {side.name for side in self.live.sides.get(step.unit, ()) if side.share}
        for fresh in step.sides:
            if fresh.share and fresh.name not in known and fresh.name in self.units:
                self.meet(fresh, self._address(fresh.name))
        with self.moving:
            live = self.live.with_sides(step.unit, step.sides)
            serving = {side.name for side in step.sides if side.share}
            before = {side.name: side for side in self.live.sides.get(step.unit, ())}
            warm = [*before.values()]
            warm += [side.sharing(0) for side in step.sides if side.name not in before]
            if len(warm) > len(before):  # what is new has to be known as healthy before it is led to
                self._lead(self.live.with_sides(step.unit, warm), step.unit, serving)
            self._lead(live, step.unit, serving)
            self.live = self.identified(live)
            self.record(self.live, step.id)
        return ", ".join(f"{side.release} {side.share} %" for side in step.sides)

    def identified(self, live: Live) -> Live:
        """With the images that the sides are of, now that they run."""
        for name, sides in live.sides.items():
            live = live.with_sides(name, [replace(side, image=self._image(side)) for side in sides])
        return live

    def _image(self, side: Side) -> str:
        if side.image or not side.units or side.name not in self.units:
            return side.image
        if side.name not in self.images:
            self.images[side.name] = self.engine.identity(self.units[side.name])
        return self.images[side.name]

    def _lead(self, live: Live, service: str, serving: Collection[str]) -> None:
        """Have the gateway send requests so, and wait until it does and knows the sides as healthy."""
        gateway = self.plane = self.gateway(live)
        if gateway is None:
            return
        seen = self._seen(gateway)
        traffic.shift(self.engine, gateway, seen, self.cancelled)
        mine = (side for side in live.sides.get(service, ()) if side.name in serving)
        units = tuple(unit for side in mine for unit in side.units)
        traffic.confirm(replace(gateway, upstreams=units), seen, self.cancelled)

    def _seen(self, gateway: Unit) -> Observed:
        seen = self.snapshot.get(gateway.name)
        if seen is None or seen.state is not State.RUNNING:
            raise NexusError(f"{gateway.name} does not run", hint=f"nexus logs {gateway.name}")
        return seen

    def _counted(self, *sides: str) -> Mapping[str, Counted]:
        if self.plane is None:
            return {side: Counted() for side in sides}
        deadline = time.monotonic() + traffic.PATIENCE
        while True:
            try:
                return traffic.counted(self.plane, self._seen(self.plane), *sides)
            except traffic.Unanswered:
                if time.monotonic() >= deadline or self.cancelled.wait(_INTERVAL):
                    raise

    def _watch(self, step: Step) -> str:
        """See how the new side does until the time is over; what is bad ends it at once."""
        assert isinstance(step, Watch)  # noqa: S101
        begin = self._counted(step.side, step.against)
        began = time.monotonic()
        deadline, told, rounds = began + step.seconds, began, 1
        while True:
            if self.cancelled.wait(_INTERVAL):
                raise NexusError(f"{step.unit}: interrupted")
            self._still_well(step)
            now = time.monotonic()
            found = self._judge(step, begin, final=now >= deadline)
            if found.says is Says.BAD:
                raise self._fault(step.side, self._replicas(step), found.why)
            if now >= deadline:
                if found.says is Says.GOOD or not step.conclusive:
                    return found.why
                if rounds >= _AGAIN:
                    self.unclear = found.why
                    raise StepFault(Failure(step.unit, found.why))
                rounds, deadline = rounds + 1, now + step.seconds
            if now - told >= _TELL:
                told = now
                self.emit(StepProgress(step.id, step.unit, f"{step.part}: {found.why}"))

    def _judge(self, step: Watch, begin: Mapping[str, Counted], *, final: bool) -> Judgement:
        now = self._counted(step.side, step.against)
        new, old = now[step.side].since(begin[step.side]), now[step.against].since(begin[step.against])
        # One that gets no requests any more is judged by all that it ever did.
        stable = old if old.requests >= step.verdict.requests else now[step.against]
        return judge(stable, new, step.verdict, final=final)

    def _still_well(self, step: Watch) -> None:
        replicas = self._replicas(step)
        for unit in replicas:
            seen = self.snapshot.get(unit)
            if seen is None or seen.state is not State.RUNNING or seen.restarts:
                raise self._fault(step.side, replicas, f"{unit} {_ending(seen)}")

    def _replicas(self, step: Watch) -> list[str]:
        return sorted(unit for unit in self.live.units if side(unit) == step.side)

    def _address(self, unit: str) -> str:
        """Where a running unit is reached from here."""
        described, seen = self._running(unit)
        host, port = seen.reach(next(iter(described.listens.values())))
        return f"http://{host}:{port}"

    def _fault(self, subject: str, units: Sequence[str], why: str) -> StepFault:
        """What is wrong, with the last lines that the units wrote."""
        lines = tuple(line.text for line in self.engine.logs(units, tail=LOG_LINES))
        return StepFault(Failure(subject, why, log=lines))

    def _drain(self, step: Step) -> str:
        assert isinstance(step, Drain)  # noqa: S101
        deadline = time.monotonic() + step.seconds
        while True:
            active = self._counted(step.unit)[step.unit].active
            if not active:
                return ""
            if time.monotonic() >= deadline:
                return f"{active} requests were still open after {step.seconds:g} s"
            if self.cancelled.wait(_INTERVAL / 2):
                raise NexusError(f"{step.unit}: interrupted")

    def _smoke(self, step: Step) -> str:
        assert isinstance(step, Check)  # noqa: S101
        assert step.smoke is not None  # noqa: S101
        status, body = _asked(self._address(step.unit) + step.smoke.path)
        if status != step.smoke.status:
            why = f"{step.smoke.path} answered {status or body}"
            raise self._fault(step.unit, [step.unit], why)
        if step.smoke.contains not in body:
            why = f'{step.smoke.path} answered without "{step.smoke.contains}"'
            raise self._fault(step.unit, [step.unit], why)
        return f"{step.smoke.path} {status}"


def _ending(seen: Observed | None) -> str:
    """What became of a unit that should run without a break."""
    if seen is None:
        return "is gone"
    if seen.state is State.RUNNING:
        return "has ended, and was started again"
    return f"has ended ({seen.reason or seen.state})"


def _asked(url: str) -> tuple[int, str]:
    """The status and text of an answer; 0 and the reason where there is none."""
    try:
        try:
            answer = urlopen(url, timeout=_TIMEOUT)  # noqa: S310 - http, as it is called
        except HTTPError as error:
            answer = error
        with answer:
            return int(answer.status), answer.read(1 << 20).decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return 0, str(getattr(error, "reason", error))
