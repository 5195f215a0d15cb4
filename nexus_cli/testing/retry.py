"""Tests that fail and then pass: flaky, and never quietly passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nexus_cli.testing.case import BAD, Case


def settled(cases: Sequence[Case], again: Sequence[Case], attempt: int) -> list[Case]:
    """The cases after another attempt at those that failed: what passes now is flaky, and says why."""
    passed = {(case.file, case.name) for case in again if case.status == "passed"}

    def after(case: Case) -> Case:
        if case.status not in BAD or (case.file, case.name) not in passed:
            return case
        said = f"passed at attempt {attempt}; first: {case.message}"
        return replace(case, status="flaky", message=said)

    return [after(case) for case in cases]
