"""A plan: the steps that lead from what runs to what should, each with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal[
    "prepare",
    "start",
    "run",
    "await",
    "configure",
    "route",
    "restart",
    "stop",
    "smoke",
    "shift",
    "watch",
    "drain",
]

MARKS: Mapping[str, str] = {
    "prepare": "*",
    "start": "+",
    "run": "+",
    "await": "?",
    "configure": "~",
    "route": "?",
    "restart": "~",
    "stop": "-",
    "smoke": "?",
    "shift": ">",
    "watch": "?",
    "drain": "-",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do to one unit: why (`cause`), after which steps, and whether data is lost by it.

    `part` tells steps apart that do the same to a unit more than once, such as `25 %`.
    """

    action: Action
    unit: str
    cause: str
    after: tuple[str, ...] = ()
    destructive: bool = False
    part: str = ""

    @property
    def id(self) -> str:
        """The step's name inside its plan."""
        return f"{self.action} {self.unit}" + (f" {self.part}" if self.part else "")

    def __str__(self) -> str:
        return f"{MARKS[self.action]} {self.action:<9} {self.unit}  ({self.cause})"


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order that respects `after`. An empty plan means: nothing to do."""

    title: str
    steps: tuple[Step, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether carrying out the plan would do anything."""
        return bool(self.steps)

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps) if self.steps else "nothing to do"

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        return {
            "title": self.title,
            "changed": self.changed,
            "steps": [
                {
                    "id": step.id,
                    "action": step.action,
                    "unit": step.unit,
                    "cause": step.cause,
                    "after": list(step.after),
                    "destructive": step.destructive,
                }
                for step in self.steps
            ],
        }
