"""Findings as text: place, severity, message and hint, grouped by nothing so that editors can jump."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nexus_cli.blueprint.source import Finding


def lines(findings: Sequence[Finding]) -> list[str]:
    """`file:line:column: error: message [rule]`, each with its hint, and a count at the end."""
    result = []
    for finding in findings:
        result.append(f"{finding.where}: {finding.severity}: {finding.message} [{finding.rule}]")
        if finding.hint:
            result.append(f"  hint: {finding.hint}")
    return [*result, count(findings)]


def count(findings: Sequence[Finding]) -> str:
    """How many findings of each severity there are."""
    counted = Counter(finding.severity for finding in findings)
    parts = [
        f"{n} {name}{'s' if n > 1 else ''}" for name in ("error", "warning", "note") if (n := counted[name])
    ]
    return ", ".join(parts) if parts else "no findings"


def as_dict(finding: Finding) -> dict[str, str | int | None]:
    """A finding as plain data for JSON."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "file": finding.where.file,
        "line": finding.where.line,
        "column": finding.where.column,
        "hint": finding.hint,
    }
