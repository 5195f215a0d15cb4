"""Findings of a workspace for people: those of loading and those of the rules, and what a rule is for."""

from __future__ import annotations

from pathlib import Path

from nexus_cli.blueprint.lint import RULES, lint
from nexus_cli.blueprint.load import BlueprintFault, did_you_mean, load
from nexus_cli.blueprint.source import Finding
from nexus_cli.errors import UsageError


def find_all(root: Path) -> list[Finding]:
    """Every finding of a workspace; when blueprints cannot be loaded, why."""
    try:
        platform = load(root)
    except BlueprintFault as fault:
        return list(fault.findings)
    return lint(platform)


def explain(rule: str) -> str:
    """What a rule is for and how to mend a break of it."""
    if rule not in RULES:
        raise UsageError(
            f'there is no rule "{rule}"',
            hint=did_you_mean(rule, RULES) or f"rules: {', '.join(sorted(RULES))}",
        )
    found = RULES[rule]
    return f"{rule} ({found.severity})\n  why  {found.reason}\n  fix  {found.fix}"
