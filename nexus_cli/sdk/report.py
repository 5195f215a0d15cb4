"""What the completeness gate found: every operation accounted for, nothing left out in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from nexus_generators.openapi.parse import Note


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, such as the types; `detail` is what was wrong."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Omission:
    """An operation that was not proved: for the document's own fault, or for ours."""

    operation: str
    id: str
    why: str
    fault: Literal["document", "client"]


@dataclass(slots=True)
class Report:
    """The gate's verdict on one client."""

    document: str
    language: str
    operations: int
    schemas: int
    proved: int = 0
    checks: list[Check] = field(default_factory=list)
    omissions: list[Omission] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    seconds: float = 0.0

    def missing(self, allowed: Collection[str]) -> list[Omission]:
        """The omissions that nobody allowed by name (`GET /pets` or the operation's ID)."""
        return [one for one in self.omissions if not {one.operation, one.id} & set(allowed)]

    def complete(self, allowed: Collection[str] = ()) -> bool:
        """Whether everything is there and passed."""
        return all(check.passed for check in self.checks) and not self.missing(allowed)

    def as_dict(self, allowed: Collection[str] = ()) -> dict[str, Any]:
        """The report as data."""
        return {
            "document": self.document,
            "language": self.language,
            "complete": self.complete(allowed),
            "operations": self.operations,
            "proved": self.proved,
            "schemas": self.schemas,
            "checks": [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in self.checks],
            "omissions": [
                {"operation": o.operation, "id": o.id, "why": o.why, "fault": o.fault,
                 "allowed": o not in self.missing(allowed)}
                for o in self.omissions
            ],
            "notes": [
                {"code": n.code, "message": n.message, "pointer": n.pointer, "line": n.line}
                for n in self.notes
            ],
            "seconds": round(self.seconds, 2),
        }  # fmt: skip

    def lines(self, allowed: Collection[str] = ()) -> Iterator[str]:
        """The report for a person."""
        for check in self.checks:
            yield f"{'ok  ' if check.passed else 'FAIL'} {check.name}"
            yield from (f"       {line}" for line in check.detail.splitlines()[:20] if not check.passed)
        missing = self.missing(allowed)
        for one in self.omissions:
            word = "MISSING" if one in missing else "allowed"
            yield f"{word} {one.operation}: {one.why} ({one.fault})"
        verdict = "complete" if self.complete(allowed) else "NOT complete"
        yield (
            f"{verdict}: {self.language}, {self.proved} of {self.operations} operations called and compared, "
            f"{self.schemas} schemas, {self.seconds:.1f} s"
        )
