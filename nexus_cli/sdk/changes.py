"""The changes between two versions of an API, as a person, a program or a release note reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_generators.openapi.build import build
from nexus_generators.openapi.diff import Change, changes, next_version
from nexus_generators.openapi.document import Document

LEVELS = {
    "breaking": "breaking: callers of the old version may fail",
    "source": "source: calls stay good, the code of clients reads differently",
    "compatible": "compatible",
}
_OPERATIONS = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one document to the next, and the version that this asks for."""

    old: str
    new: str
    version: str
    proposed: str
    changes: Sequence[Change]

    @property
    def breaking(self) -> bool:
        """Whether a caller of the old API may fail."""
        return any(change.breaking for change in self.changes)

    def count(self, level: str) -> int:
        """How many changes there are of a level."""
        return sum(change.level == level for change in self.changes)

    def as_dict(self) -> dict[str, Any]:
        """The comparison as data: one entry for each change of each operation."""
        return {
            "old": self.old,
            "new": self.new,
            "breaking": self.breaking,
            "version": self.version,
            "next": self.proposed,
            "changes": [
                {"level": c.level, "code": c.code, "operation": c.operation, "place": c.place,
                 "message": c.message}
                for c in self.changes
            ],
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The comparison for a person; a change of many operations is one line."""
        for level, title in LEVELS.items():
            if self.count(level):
                yield title
                yield from (f"  {line}" for line in self._grouped(level))
        yield self.verdict

    def markdown(self) -> Iterator[str]:
        """The comparison for a release note."""
        yield f"# {_plain(self.version)} → {_plain(self.proposed)}"
        for level, title in LEVELS.items():
            if self.count(level):
                yield from ("", f"## {title[0].upper()}{title[1:]}", "")
                yield from (f"- {_plain(line)}" for line in self._grouped(level))
        yield from ("", self.verdict)

    @property
    def verdict(self) -> str:
        """The counts, and the version."""
        if not self.changes:
            return f"no changes; the version stays {self.version}"
        counts = ", ".join(f"{self.count(level)} {level}" for level in LEVELS if self.count(level))
        return f"{counts}; the next version after {self.version} is {self.proposed}"

    def _grouped(self, level: str) -> Iterator[str]:
        by_what: dict[tuple[str, str], list[str]] = {}
        for change in self.changes:
            if change.level == level:
                by_what.setdefault((change.place, change.message), []).append(change.operation)
        for (place, message), operations in by_what.items():
            named = [one for one in operations if one]
            more = f" and {len(named) - _OPERATIONS} more" if len(named) > _OPERATIONS else ""
            where = f"{', '.join(named[:_OPERATIONS])}{more}: " if named else ""
            yield f"{where}{place + ' ' if place else ''}{message}"


def compare(old: Document, new: Document) -> Comparison:
    """The changes from one document to the next."""
    before, after = build(old), build(new)
    found = changes(before, after)
    return Comparison(old.name, new.name, before.version, next_version(before.version, found), found)


def _plain(text: str) -> str:
    """A text of a document inside Markdown, as it is meant and not as markup."""
    for sign in "\\`*_{}[]<>#|!":
        text = text.replace(sign, "\\" + sign)
    return text
