"""What one program that runs tests has said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus_cli.testing.case import Case


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the code was run by tests: lines, or statements where a toolchain counts those."""

    covered: int
    total: int

    @property
    def percent(self) -> float:
        """In percent; code without a line is covered."""
        return 100.0 * self.covered / self.total if self.total else 100.0


@dataclass(frozen=True, slots=True)
class Tested:
    """The cases, and the coverage where it was measured."""

    cases: Sequence[Case]
    coverage: Coverage | None = None
