"""Events as plain lines, for pipes, files and CI."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self, TextIO

from nexus_cli.events import Event, Note, PlanFinished, StepFailed, Summary
from nexus_cli.render import words


class Plain:
    """Writes one line an event and the block of a failure when it happens."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self.lock:
            for text in _lines(event):
                print(text, file=self.stream, flush=True)


def _lines(event: Event) -> list[str]:
    line = words.line(event)
    if line is not None:
        mark, unit, text = line
        failure = words.block(event.failure) if isinstance(event, StepFailed) else []
        return [f"{mark} {unit}: {text}", *failure]
    if isinstance(event, Note):
        return words.note(event)
    if isinstance(event, PlanFinished):
        return [words.total(event)]
    if isinstance(event, Summary):
        return table(event)
    return []


def table(summary: Summary) -> list[str]:
    """A summary as aligned columns."""
    rows = [tuple(column.upper() for column in summary.columns), *summary.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(summary.columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
