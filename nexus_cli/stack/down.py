"""Taking a stack down, which needs no blueprints: what runs is what the engine sees."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from nexus_cli.apply import Outcome
from nexus_cli.events import Emit, Note
from nexus_cli.stack import engines, scale, settled
from nexus_cli.stack.reconcile import teardown
from nexus_cli.stack.run import Runner


def bring_down(
    folder: Path,
    title: str,
    names: Sequence[str],
    emit: Emit,
    *,
    volumes: bool = False,
    described: Collection[str] | None = None,
) -> Outcome:
    """Stop the named units with their jobs, or everything; then the engine's helpers too.

    With `described`, only what runs and is not among those units.
    """
    settled.forget(folder)
    engine = engines.engine_in_use(folder, title)
    observed = [unit for unit in engine.observe() if unit.kind != "job" or unit.pid is not None]
    chosen = {u.name for u in observed if _belongs(u.name, names)} if names else None
    if described is not None:
        chosen = {unit.name for unit in observed} - set(described)
    plan = teardown(title, observed, chosen, cause="asked for")
    outcome = Runner(engine, [], emit).run(plan)
    if chosen is None and outcome.ok:
        for left in engine.shutdown(volumes=volumes):
            hint = (
                "nothing is: it has lost count until it is started anew; the next `up` and `down` do with it"
            )
            emit(Note(f"stays: {left}", "warning", hint))
        engines.forget(folder)
        scale.forget(folder)
    if not plan.changed:
        emit(Note(f"{title}: nothing runs"))
    return outcome


def _belongs(unit: str, names: Sequence[str]) -> bool:
    return unit in names or unit.partition(".")[0] in names or unit.partition(".")[2] in names
