"""What `up` says when there is nothing to do, without loading what would be needed to do something."""

from __future__ import annotations

from nexus_cli.stack import settled


def nothing_to_do() -> bool:
    """Say that everything runs as the last `up` left it, if that is so."""
    found = settled.look()
    if found is None:
        return False
    from nexus_cli.events import PlanFinished, Summary
    from nexus_cli.render import renderer
    from nexus_cli.render.rows import COLUMNS, row

    title, units = found
    with renderer("text") as emit:
        emit(PlanFinished(f"up {title}", 0.0, 0, 0, 0))
        rows = (row(unit["name"], unit["kind"], "ready", unit["url"], seen) for unit, seen in units)
        emit(Summary(title, COLUMNS, tuple(rows)))
    return True
