"""What scaffolding came to: the changes, whether they were made, and what to do next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_generators.writer import Base, Change, compare, conflicts, write

from nexus_cli.errors import UsageError

_MANY = 200  # changed files, above which a person wants to know how many rather than which
_MARKS = {"created": "+", "updated": "~", "removed": "-", "kept": "·", "conflict": "!"}


@dataclass(frozen=True, slots=True)
class Choice:
    """How a template is chosen and laid down. `ask`: a person can be asked for what is not given.

    `migration` names a migration that becomes necessary; `by_hand`: a person will write what it does.
    """

    source: str | None = None
    ref: str | None = None
    trust: bool = False
    ask: bool = False
    data: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    dry_run: bool = False
    allow_data_loss: bool = False
    migration: str = ""
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The changes below `root`, which were made unless it was a dry run."""

    root: Path
    changes: tuple[Change, ...]
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    next: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain data for JSON."""
        changes = [{"path": change.path, "status": change.status} for change in self.changes]
        return {
            "root": str(self.root),
            "dry_run": self.dry_run,
            "changes": changes,
            "notes": list(self.notes),
            "next": list(self.next),
        }


def parse_data(pairs: Sequence[str]) -> dict[str, str]:
    """Answers from `key=value` words."""
    wrong = next((pair for pair in pairs if not pair.partition("=")[0] or "=" not in pair), None)
    if wrong is not None:
        raise UsageError(f"--data expects KEY=VALUE, got {wrong!r}")
    return dict(pair.split("=", 1) for pair in pairs)


def parse_uses(text: str) -> tuple[str, ...]:
    """Names from `postgres,redis`; `none` is nothing."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if names == ("none",):
        return ()
    if not names or "none" in names:
        raise UsageError(f"--uses expects names such as postgres,redis, or none; got {text!r}")
    return names


def lay_down(files: Mapping[str, Any], root: Path, base: Base, choice: Choice) -> tuple[Change, ...]:
    """Compare and, unless it is a dry run without conflicts, write: all of it or nothing."""
    changes = compare(files, root, base=base)
    if not choice.dry_run or (conflicts(changes) and not choice.force):
        write(changes, root, force=choice.force)
    return tuple(changes)


def listing(outcome: Outcome, *, tree: bool) -> str:
    """The changes for a person: grouped by folder as a tree, or one a line as `status path`."""
    shown = [change for change in outcome.changes if change.status != "same"]
    same = len(outcome.changes) - len(shown)
    if len(shown) > _MANY:
        lines = _folded(shown)
    else:
        lines = _tree(shown) if tree else [f"{change.status:<8} {change.path}" for change in shown]
    if same:
        lines.append(f"{same} {'file is' if same == 1 else 'files are'} as generated")
    return "\n".join(lines)


def _folded(changes: Sequence[Change]) -> list[str]:
    """How many files of each project became what; one that is not plainly written is named."""
    counts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in changes:
        parts = change.path.split("/")
        plain = len(parts) > 2 and change.status in {"created", "updated", "removed"}  # noqa: PLR2004
        counts[change.status, "/".join(parts[:2]) + "/" if plain else change.path].append(change.path)
    return [
        f"{status:<8} {place}" + (f" ({len(paths)} files)" if place.endswith("/") else "")
        for (status, place), paths in sorted(counts.items(), key=lambda item: item[0][1])
    ]


def _tree(changes: Sequence[Change]) -> list[str]:
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[change.path.rpartition("/")[0]].append(change)
    lines = []
    for folder, members in sorted(groups.items()):
        lines.append(f"{folder or '.'}/")
        lines.extend(f"  {_MARKS[c.status]} {c.path.rpartition('/')[2]}{_words(c)}" for c in members)
    return lines


def _words(change: Change) -> str:
    return "" if change.status in {"created", "updated"} else f"  ({change.status})"
