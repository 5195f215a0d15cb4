"""What a rule is, and what a check tells of a break."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nexus_cli.blueprint.model import Component, Platform, Service

Fault = tuple[str, str, Sequence[Any], str, str | None]  # kind, name, path, message, hint
Check = Callable[[Platform], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: how bad breaking it is (error, warning, note), why it exists and how to mend a break."""

    severity: str
    reason: str
    fix: str
    check: Check


def provided(platform: Platform, service: Service) -> set[str]:
    """The variables that a service is given by what it uses."""
    targets = (platform.resolve(use.service) for use in service.uses)
    return {name for target in targets if isinstance(target, Component) for name in target.provides}
