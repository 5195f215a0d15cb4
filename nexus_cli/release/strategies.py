"""How one release of a service takes the place of another: each strategy is a function, found in a dict.

A strategy says which units start at once, beside those of other services and before any request moves, and
then what is done one after the other. What it leaves of the old side is drained and stopped once all services
of the deployment have changed over, so that until then there is a way back without a start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from nexus_cli.blueprint.model import Deploy, Strategy
from nexus_cli.plan import Step
from nexus_cli.release.moves import Drain, Watch, shift
from nexus_cli.release.record import Side

CANARY_STEPS = (10, 50)
CANARY_HOLD, HOLD = 30.0, 5.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One service's change: the sides that it has (`old` serves), the one that will serve, and how.

    `others` are sides that stay beside them without a share. Without `watched`, nothing is waited for;
    `judged`: a person has seen how the new side does with the share that it has.
    """

    service: str
    old: Side | None
    new: Side
    deploy: Deploy
    others: tuple[Side, ...] = ()
    watched: bool = True
    judged: bool = False

    def sides(self, percent: int) -> tuple[Side, ...]:
        """The sides while the new one has so many percent."""
        old = (self.old.sharing(100 - percent),) if self.old else ()
        return (*self.others, *old, self.new.sharing(percent))

    def watch(self, percent: int, hold: float, *, conclusive: bool = False) -> Iterator[Step]:
        """See how the new side does, where there is an old one to go back to."""
        hold = self.deploy.hold if self.deploy.hold is not None else hold
        if self.old is not None and self.watched and hold > 0:
            yield Watch(
                "watch",
                self.service,
                f"{self.new.release} with {percent} %, for {hold:g} s",
                part=f"{percent} %",
                side=self.new.name,
                against=self.old.name,
                seconds=hold,
                verdict=self.deploy.verdict,
                conclusive=conclusive,
            )


@dataclass(frozen=True, slots=True)
class Way:
    """How a service changes over: units that start beside everything else, then steps in their order.

    A `start` among the steps stands for whatever starts that unit, its preparation left aside.
    """

    early: tuple[str, ...]
    steps: tuple[Step, ...]


def blue_green(turn: Turn) -> Way:
    """The new side stands whole beside the old one, then gets every request at once."""
    moved = shift(turn.service, turn.sides(100), f"all requests to {turn.new.release}", "100 %")
    return Way(turn.new.units, (moved, *turn.watch(100, HOLD)))


def canary(turn: Turn) -> Way:
    """The new side gets more and more of the requests, each time only if it did well with fewer."""
    if turn.old is None:
        return blue_green(turn)
    steps: list[Step] = []
    if 0 < turn.new.share < 100 and not turn.judged:  # noqa: PLR2004
        steps += turn.watch(turn.new.share, CANARY_HOLD, conclusive=True)  # it was broken off here
    for percent in (*[p for p in turn.deploy.steps or CANARY_STEPS if turn.new.share < p < 100], 100):  # noqa: PLR2004
        cause = f"{percent} % of the requests to {turn.new.release}"
        steps.append(shift(turn.service, turn.sides(percent), cause, f"{percent} %"))
        last = percent == 100  # noqa: PLR2004
        steps += turn.watch(percent, HOLD if last else CANARY_HOLD, conclusive=not last)
    return Way(turn.new.units, tuple(steps))


def rolling(turn: Turn) -> Way:
    """One replica after the other: a new one is ready before an old one goes."""
    new, old = turn.new, turn.old
    if old is None:
        return blue_green(turn)
    steps: list[Step] = []
    left = old.replicas
    for count in range(1, new.replicas + 1):
        last = count == new.replicas
        before, left = left, left if last else max(1, left - 1)
        part = 100 if last else round(100 * count / (count + left))
        if count > 1:
            steps.append(Step("start", new.units[count - 1], f"replica {count} of {new.replicas}"))
        kept = replace(old, replicas=left, share=100 - part)  # one stays at hand until the end
        sides = (*turn.others, kept, replace(new, replicas=count, share=part))
        cause = f"{count} of {new.replicas} replicas are {new.release}"
        steps.append(shift(turn.service, sides, cause, f"{count}/{new.replicas}"))
        steps += [Step("stop", unit, "replaced") for unit in old.units[left:before]]
    return Way(new.units[:1], (*steps, *turn.watch(100, HOLD)))


def recreate(turn: Turn) -> Way:
    """The old side ends before the new one begins: for what must never run twice. Requests are refused."""
    steps: list[Step] = []
    if turn.old is not None:
        away = (*turn.others, turn.old.sharing(0))
        steps.append(shift(turn.service, away, "no requests while it is replaced", "0 %"))
        steps.append(Drain("drain", turn.old.name, "its last requests", seconds=turn.deploy.drain))
        steps += [Step("stop", unit, "replaced") for unit in turn.old.units]
    steps += [Step("start", unit, "in its place") for unit in turn.new.units]
    sides = (*turn.others, turn.new.sharing(100))
    steps.append(shift(turn.service, sides, f"all requests to {turn.new.release}", "100 %"))
    return Way((), (*steps, *turn.watch(100, HOLD)))


STRATEGIES: Mapping[Strategy, Callable[[Turn], Way]] = {
    "rolling": rolling,
    "blue-green": blue_green,
    "canary": canary,
    "recreate": recreate,
}


def retains(strategy: Strategy, deploy: Deploy) -> bool:
    """Whether the old side goes on running once the new one serves."""
    return deploy.retain if deploy.retain is not None else strategy == "blue-green"
