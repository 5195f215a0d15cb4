"""What became of each key of a compose file, with its place: nothing is dropped without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nexus_cli.blueprint.source import Location

Fate = Literal["carried", "adapted", "lost"]
FATES: tuple[Fate, ...] = ("carried", "adapted", "lost")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: where it is written, what became of it, and why it is not as it was."""

    subject: str
    key: str
    fate: Fate
    where: Location
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The entry as plain data for JSON."""
        return {
            "subject": self.subject,
            "key": self.key,
            "fate": self.fate,
            "file": self.where.file,
            "line": self.where.line,
            "reason": self.reason,
        }


@dataclass(slots=True)
class Report:
    """Every key's fate, in the order in which they were met."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, subject: str, key: str, fate: Fate, where: Location, reason: str = "") -> None:
        """Note a key's fate; the same one is noted once."""
        entry = Entry(subject, key, fate, where, reason)
        if entry not in self.entries[-20:]:
            self.entries.append(entry)

    def of(self, *fates: Fate) -> Sequence[Entry]:
        """The entries with one of these fates."""
        return [entry for entry in self.entries if entry.fate in fates]

    def counts(self) -> Mapping[str, int]:
        """How many keys had each fate."""
        return {fate: len(self.of(fate)) for fate in FATES}
