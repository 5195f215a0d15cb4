"""Taking down what is deployed: alone in its environment, and the ledger says who did it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nexus_cli.apply import Outcome
from nexus_cli.events import Emit
from nexus_cli.workspace import Workspace, deployed


def leaving(
    workspace: Workspace,
    environment: str,
    names: Sequence[str],
    emit: Emit,
    take_down: Callable[[], Outcome],
    *,
    volumes: bool,
    orphans: bool,
    patience: float,
) -> Outcome:
    """Take down; what is deployed, alone and written into the ledger with what became of it."""
    if not deployed(workspace, environment):
        return take_down()
    from nexus_cli.release.ledger import opened
    from nexus_cli.release.lock import actor, lock

    ledger = opened(workspace)
    body = {"services": list(names), "volumes": volumes, "orphans": orphans, "actor": actor(), "reason": ""}
    told = f"down {environment}"
    with lock(ledger, environment, told, emit, wait=patience, option="--lock-timeout") as token:
        ended = "failed"  # what is thrown, too
        try:
            outcome = take_down()
            if outcome.ok:
                ended = "succeeded"
            elif outcome.interrupted:
                ended = "interrupted"
        finally:
            ledger.append(environment, "down", {**body, "outcome": ended}, token=token)
    return outcome
