"""What going back brings back, and what it leaves as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus_cli.release.deploy import Intent
    from nexus_cli.release.estate import Estate
    from nexus_cli.release.record import Live


def crossed(place: Estate, after: Live) -> Iterator[tuple[str, str, str]]:
    """The migrations that the code to go back to does not know: service, name, and what was lost for good."""
    now = place.live()
    for name in sorted(after.sides):
        old, new = now.serving(name), after.serving(name)
        if old is None or new is None or old.release == new.release:
            continue
        there, back = (place.release(side.release).artifacts[name] for side in (old, new))
        for migration in there.migrations:
            if migration not in back.migrations:
                yield name, migration, there.irreversible.get(migration, "")


def restored(intent: Intent) -> list[str]:
    """What the services that change have again."""
    found = []
    for name in sorted(intent.after.sides):
        before, after = intent.before.serving(name), intent.after.serving(name)
        if after is not None and (before is None or before.name != after.name):
            kept = after.name in {side.name for side in intent.before.sides.get(name, ())}
            how = "on replicas that were kept" if kept else "on new replicas"
            found.append(f"{name}: code, configuration, variables and routes of {after.release}, {how}")
    return found


def left(intent: Intent) -> list[str]:
    """What stays as it is today, though it was otherwise when the release served."""
    place = intent.estate
    found = [
        f"the data of {name}: migrated by {migration}, which {intent.version} does not know"
        + (f" ({lost})" if lost else "")
        for name, migration, lost in crossed(place, intent.after)
    ]
    platform = place.composed(intent.after)
    names = sorted({secret for unit in platform.units for secret in unit.secrets})
    if names:
        found.append(
            f"the values of {', '.join(names)}: as {place.described.secrets.provider} has them today"
        )
    return found
