"""Taking down what is deployed: alone in its environment, and the ledger says who did it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from nexus_cli.events import Emit
from nexus_cli.workspace import Workspace, deployed


@contextlib.contextmanager
def leaving(
    workspace: Workspace, environment: str, names: Sequence[str], emit: Emit, *, volumes: bool
) -> Iterator[None]:
    """While what is deployed is taken down: alone, and written into the ledger; else nothing of note."""
    if not deployed(workspace, environment):
        yield
        return
    from nexus_cli.release.ledger import opened
    from nexus_cli.release.lock import actor, lock

    ledger = opened(workspace)
    with lock(ledger, environment, f"down {environment}", emit) as token:
        body = {"actor": actor(), "reason": "", "services": list(names), "volumes": volumes}
        ledger.append(environment, "down", body, token=token)
        yield
