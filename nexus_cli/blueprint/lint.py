"""Rules that a whole platform must keep; each has an id, a reason and a way to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus_cli.blueprint.linting import (
    components,
    environments,
    events,
    names,
    packages,
    resources,
    services,
    uses,
)
from nexus_cli.blueprint.linting.rule import Rule
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.source import Finding, Location

RULES: Mapping[str, Rule] = {
    **uses.RULES,
    **services.RULES,
    **events.RULES,
    **resources.RULES,
    **components.RULES,
    **packages.RULES,
    **environments.RULES,
    **names.RULES,
}


def lint(platform: Platform) -> list[Finding]:
    """Every finding of every rule, in the order of the files."""
    findings = [finding for name in RULES for finding in findings_of(platform, name)]
    return sorted(findings, key=lambda finding: finding.where)


def findings_of(platform: Platform, name: str) -> list[Finding]:
    """What breaks one rule."""
    rule = RULES[name]
    return [
        Finding(name, rule.severity, message, _where(platform, kind, unit, path), hint or rule.fix)
        for kind, unit, path, message, hint in rule.check(platform)
    ]


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that forbid going on."""
    return [finding for finding in findings if finding.severity == "error"]


def _where(platform: Platform, kind: str, name: str, path: Sequence[Any]) -> Location:
    source = platform.sources.get((kind, name))
    return source.at(path) if source else Location("nexus.yaml")
