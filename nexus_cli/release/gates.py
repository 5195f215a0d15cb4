"""What stands before a deployment: times at which nothing is deployed, and people who have to agree.

Whoever deploys cannot be the one who agreed: an approval counts when it is of the same version for the same
environment, by somebody whom the environment names, and by somebody else. Going back is never held up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nexus_cli.blueprint.model import Environment
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.release.estate import environment_of, find_release
from nexus_cli.release.freeze import frozen
from nexus_cli.release.ledger import opened
from nexus_cli.release.lock import actor
from nexus_cli.release.record import Live, Side

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform
    from nexus_cli.release.deploy import Intent
    from nexus_cli.workspace import Workspace

_GATED = frozenset({"deploy", "promote"})


class Held(NexusError):
    """An environment's rules do not let a release in; nothing was begun."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a release may not be deployed now, and what would let it in."""

    why: str
    hint: str


def refusals(
    described: Environment,
    versions: Collection[str],
    who: str,
    approvals: Iterable[tuple[str, str]],
    now: datetime,
) -> Iterator[Refusal]:
    """Why `who` may not deploy the versions now; `approvals` are versions with who agreed to them."""
    for window in described.freeze:
        until = frozen(window, now)
        if until is not None:
            end = f"{until:%a %Y-%m-%d %H:%M} UTC"
            why = f"nothing is deployed to {described.name} in {window}, now until {end}"
            yield Refusal(why, "wait")
    agreed = set(approvals)
    for version in versions if described.approve else ():
        if any((version, name) in agreed for name in described.approve if name != who):
            continue
        others = [name for name in described.approve if name != who]
        one_of = f"one of {', '.join(others)}" if others else f"somebody else than {who} (it names nobody)"
        yield Refusal(
            f"{described.name} wants {one_of} to agree to {version}",
            f"nexus approve {described.name} --version {version}",
        )


def brought(before: Live, after: Live) -> list[str]:
    """The releases of which something begins to serve."""
    sides = {side.release for name in after.sides if (side := _new(before, after, name)) is not None}
    components = {v for name, v in after.components.items() if before.components.get(name) != v}
    return sorted(sides | components | ({after.base} - {before.base}))


def _new(before: Live, after: Live, service: str) -> Side | None:
    old, new = before.serving(service), after.serving(service)
    return new if new is not None and (old is None or old.release != new.release) else None


def found(intent: Intent) -> list[Refusal]:
    """Why an intent may not be carried out now."""
    if intent.action not in _GATED:
        return []
    estate = intent.estate
    entries = estate.ledger.entries(estate.name, "approval")
    approvals = [(entry.body["version"], entry.body["actor"]) for entry in entries]
    versions = brought(intent.before, intent.after)
    return list(refusals(estate.described, versions, actor(), approvals, datetime.now(UTC)))


def broken(intent: Intent, break_glass: str) -> tuple[str, ...]:
    """Refuse what the rules do not let in; with a reason to break the glass, say which rules are broken."""
    refused = found(intent)
    over = tuple(refusal.why for refusal in refused)
    if refused and not break_glass.strip():
        hints = ", ".join(dict.fromkeys(refusal.hint for refusal in refused))
        raise Held("\n".join(over), hint=f'{hints}, or in an emergency --break-glass "why"')
    return over


def break_(intent: Intent, token: int, why: str, over: tuple[str, ...]) -> None:
    """Write down who deploys in spite of which rules, and why."""
    body = {"actor": actor(), "reason": why, "version": intent.version, "over": list(over)}
    intent.estate.ledger.append(intent.estate.name, "break-glass", body, token=token)


def approve(workspace: Workspace, platform: Platform, environment: str, version: str, reason: str) -> str:
    """Write down that we agree to a release in an environment; says who we are."""
    described, who = environment_of(platform, environment), actor()
    if who not in described.approve:
        names = ", ".join(described.approve) or "nobody: it needs no approval"
        raise UsageError(f"{who} cannot approve for {environment}", hint=f"it names {names}")
    ledger = opened(workspace)
    find_release(ledger, version)
    ledger.append(environment, "approval", {"actor": who, "version": version, "reason": reason})
    return who
