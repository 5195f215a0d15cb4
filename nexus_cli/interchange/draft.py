"""What a component's blueprint is made of while a compose service is read into it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.source import Location
from nexus_cli.interchange import scalars
from nexus_cli.interchange.located import ComposeFault, Map, place
from nexus_cli.interchange.project import Project, is_true
from nexus_cli.interchange.report import Fate, Report
from nexus_cli.interchange.secret_values import Secrets


@dataclass(slots=True)
class Context:
    """What all services of a project share while they are converted into blueprints below `root`.

    `names`: the component that a service became; `others` are names of the workspace beside them.
    `called`: what links call a service besides its name. `taken`: ports of this machine, and who has them.
    `shared`: volumes that several services mount. `jobs`: services whose end others wait for.
    `files`: what is written beside the blueprints.
    """

    project: Project
    root: Path
    report: Report
    secrets: Secrets
    names: Mapping[str, str]
    others: Collection[str]
    taken: dict[int, str]
    shared: Mapping[str, str]
    jobs: Collection[str]
    called: Mapping[str, Collection[str]]
    files: dict[str, str] = field(default_factory=dict)

    def below(self, path: str) -> str | None:
        """A path of this machine relative to the workspace, or nothing when it lies elsewhere."""
        found = Path(path)
        return found.relative_to(self.root).as_posix() if found.is_relative_to(self.root) else None


class Draft:
    """One component as it grows: `data` is what its blueprint will say."""

    def __init__(self, service: str, written: Map, context: Context) -> None:
        self.service = service
        self.written = written
        self.context = context
        self.data: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The component's name."""
        return self.context.names[self.service]

    def note(self, key: str, fate: Fate, where: Location, reason: str = "") -> None:
        """Report a key of this service."""
        self.context.report.add(self.service, key, fate, where, reason)

    def lost(self, key: str, where: Location, reason: str) -> None:
        """Report a key that could not be carried."""
        self.note(key, "lost", where, reason)

    def adapted(self, key: str, where: Location, reason: str) -> None:
        """Report a key that means something a little different now, or nothing."""
        self.note(key, "adapted", where, reason)

    def leftover(
        self, key: str, entry: Map, known: Iterable[str], reasons: Mapping[str, str] | None = None
    ) -> None:
        """Report those parts of a mapping that nobody reads."""
        for part, value in entry.items():
            if part not in set(known) and value not in (None, ""):
                reason = (reasons or {}).get(part, "a blueprint has nothing like it")
                self.lost(f"{key}.{part}", entry.at(part), reason)

    def text(self, text: str, variable: str = "") -> str:
        """A text as the blueprint writes it; the secrets in it become the component's."""
        written, names = self.context.secrets.written(text, variable)
        mine = self.data.setdefault("secrets", [])
        mine.extend(name for name in dict.fromkeys(names) if name not in mine)
        return written

    def append(self, key: str, item: Any) -> None:
        """One more entry of a list, once."""
        entries = self.data.setdefault(key, [])
        if item not in entries:
            entries.append(item)

    def unique(self, key: str, wanted: str) -> str:
        """A name that the mapping at `key` does not have yet."""
        return scalars.name(wanted, self.data.get(key, {}), otherwise=key)


def number(value: Any, where: Location, what: str) -> int:
    """A whole number of a compose file."""
    try:
        return int(str(value).strip())
    except ValueError:
        raise ComposeFault(
            f"{what} must be a whole number, got {str(value)!r}", place(value, where)
        ) from None


def truth(value: Any) -> bool:
    """A written yes or no; nothing is no."""
    return value is not None and is_true(value)
