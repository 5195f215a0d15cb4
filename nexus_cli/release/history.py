"""What happened in an environment, told run by run from the ledger's entries; pure but for `serving`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nexus_cli.release.record import Live

if TYPE_CHECKING:
    from nexus_cli.release.ledger import Entry, Ledger

RUNS = frozenset({"deploy", "rollback", "promote"})
"""The actions that change what serves."""

UNFINISHED = "unfinished"
"""The outcome of a run that is under way, or whose command was killed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of a run: `seconds` and `detail` are known once it is done."""

    id: str
    state: str
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """A run, or something else that was written down: an approval, a broken glass, a lock taken away.

    `number` is that of its first entry; `seconds` is how long a run took, if it came to an end.
    """

    number: int
    time: float
    action: str
    version: str
    services: tuple[str, ...]
    actor: str
    reason: str
    outcome: str = ""
    seconds: float | None = None
    why: str = ""
    steps: tuple[Taken, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data for programs."""
        return asdict(self)


def happened(entries: Iterable[Entry]) -> list[Happened]:
    """What the entries of one environment tell, oldest first."""
    told = list(entries)
    ended = {entry.body["run"]: entry.body for entry in told if entry.kind == "ended"}
    steps: dict[int, dict[str, Taken]] = {}
    for entry in told:
        if entry.kind == "step":
            body = entry.body
            taken = Taken(body["id"], body["state"], body.get("seconds"), body.get("detail", ""))
            steps.setdefault(body["run"], {})[taken.id] = taken
    found = []
    for entry in told:
        if entry.kind == "begun":
            found.append(_run(entry, ended.get(entry.number, {}), steps.get(entry.number, {})))
        elif entry.kind in _WORDS:
            version = entry.body.get("version", "")
            reason = entry.body["reason"]
            happening = (entry.kind, version, (), entry.body["actor"], reason, _WORDS[entry.kind](entry.body))
            found.append(Happened(entry.number, entry.time, *happening))
    return found


def _run(begun: Entry, ended: Mapping[str, Any], steps: Mapping[str, Taken]) -> Happened:
    body = begun.body
    return Happened(
        begun.number,
        begun.time,
        body["action"],
        body["version"],
        tuple(body["services"]),
        body["actor"],
        body["reason"],
        ended.get("outcome", UNFINISHED),
        ended.get("seconds"),
        ended.get("why", ""),
        tuple(steps.values()),
    )


def _down(body: Mapping[str, Any]) -> str:
    """What was taken down, and whether that worked out; older entries do not say."""
    what = ", ".join(body["services"]) or "everything"
    if body.get("orphans"):
        what = "what no release has"
    more = ", with its data" if body["volumes"] else ""
    outcome = body.get("outcome", "succeeded")
    return f"{what} stopped{more}" if outcome == "succeeded" else f"stopping {what}{more}: {outcome}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "approval": lambda _: "approved",
    "break-glass": lambda body: "; ".join(body["over"]),
    "down": _down,
    "unlock": lambda body: f"taken from {body['holder']['actor']} on {body['holder']['host']}",
}


def serving(ledger: Ledger, environment: str) -> Live:
    """What serves in an environment now, by the ledger."""
    entry = ledger.last(environment, "live")
    return Live.of(entry.body["live"]) if entry else Live()


def moment(seconds: float) -> str:
    """A time for people, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
