"""What a kind of test reports: plain data, the same for all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nexus_cli.errors import NexusError
from nexus_cli.process import DidNotEnd

_LINES = 20

Status = Literal["passed", "failed", "error", "skipped", "flaky", "not run"]
"""`error`: what runs the test broke. `not run`: a tool is missing or out of reach; the message says which."""

BAD: frozenset[Status] = frozenset({"failed", "error"})
RAN: frozenset[Status] = frozenset({"passed", "flaky", *BAD})


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was tested, and what became of it.

    `subject` is the service, package, component or "platform"; `name` what was tested, as a person reads it.
    `message` is one line, `detail` a block of text without secrets. `file` is relative to the workspace.
    `attachments` are relative to the results folder.
    """

    kind: str
    subject: str
    name: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    detail: str = ""
    file: str = ""
    line: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    attachments: tuple[Path, ...] = ()

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


def grouped(cases: Sequence[Case]) -> list[tuple[str, str, list[Case]]]:
    """The cases by kind and subject, both in the order in which they were first told."""
    kinds: dict[str, dict[str, list[Case]]] = {}
    for case in cases:
        kinds.setdefault(case.kind, {}).setdefault(case.subject, []).append(case)
    return [(kind, name, mine) for kind, subjects in kinds.items() for name, mine in subjects.items()]


def broken(kind: str, subject: str, error: NexusError, seconds: float = 0.0) -> Case:
    """What ran the tests broke, or did not end: the case that says so."""
    hangs = isinstance(error, DidNotEnd)
    message = f"its tests hang: {error.message}" if hangs else error.message
    said = "\n".join(error.said.splitlines()[-_LINES:]) if isinstance(error, DidNotEnd) else error.hint
    return Case(kind, subject, "tests", "error", seconds, message.splitlines()[0], said or "")


Tell = Callable[[Case], None]
