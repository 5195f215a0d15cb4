"""Events as a live table on a terminal: a row a unit, what it does and what it waits for."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from nexus_cli.events import (
    Event,
    Note,
    PlanFinished,
    PlanStarted,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
    Summary,
)
from nexus_cli.render import words

_STYLES = {"✓": "green", "✗": "bold red", "…": "yellow", "-": "dim", "·": "cyan"}
_RESERVED_LINES = 4


class _Row:
    """One unit on the screen."""

    def __init__(self) -> None:
        self.mark = "…"
        self.text = "waiting"
        self.since: float | None = None
        self.seconds: float | None = None
        self.spinner = Spinner("dots", style="cyan")

    def cells(self) -> tuple[RenderableType, Text, Text]:
        """Mark, time and words of the row as they are now."""
        running = self.since is not None and self.seconds is None
        mark = self.spinner if running else Text(self.mark, style=_STYLES[self.mark])
        passed = (
            self.seconds
            if self.seconds is not None
            else time.monotonic() - self.since
            if self.since
            else None
        )
        clock = Text(words.seconds(passed) if passed is not None else "", style="dim")
        return (
            mark,
            clock,
            Text(self.text, style="dim" if self.mark in "…-" and not running else "", overflow="ellipsis"),
        )


class Live:
    """Draws the rows while a plan runs; failures and notes are printed above them and stay."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.lock = threading.Lock()
        self.rows: dict[str, _Row] = {}
        self.live: RichLive | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self.lock:
            match event:
                case PlanStarted():
                    self._begin(event)
                case PlanFinished():
                    self._end()
                    style = "bold red" if event.failed else "bold green" if not event.skipped else "yellow"
                    self.console.print(Text(words.total(event), style=style))
                case Note():
                    style = {"warning": "yellow", "error": "bold red"}.get(event.level, "")
                    self.console.print(Text("\n".join(words.note(event)), style=style))
                case Summary():
                    self.console.print(summary(event))
                case _:
                    self._step(event)

    def _begin(self, event: PlanStarted) -> None:
        self.rows = {unit: _Row() for _, unit, _ in event.steps}
        if self.rows:
            self.live = RichLive(get_renderable=self._draw, console=self.console, refresh_per_second=12)
            self.live.start()

    def _end(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _step(self, event: Event) -> None:
        line = words.line(event)
        if line is None:
            return
        mark, unit, text = line
        row = self.rows.setdefault(unit, _Row())
        if isinstance(event, StepStarted):
            row.since, row.seconds = time.monotonic(), None
        if isinstance(event, StepFinished | StepFailed):
            row.seconds = event.seconds
            text = text.replace(f" after {words.seconds(event.seconds)}", "", 1)
        if isinstance(event, StepSkipped):
            row.since = None
        row.mark, row.text = mark, text.strip()
        if isinstance(event, StepFailed):
            self.console.print(Text("\n".join(words.block(event.failure)), style="red"))

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", width=8, no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        room = max(3, self.console.size.height - _RESERVED_LINES)
        rows = list(self.rows.items())
        if len(rows) > room:  # finished ones give way to those that a person waits for
            rows.sort(key=lambda item: item[1].mark == "✓")
        for name, row in rows[:room]:
            mark, clock, text = row.cells()
            table.add_row(mark, Text(name, style="bold"), clock, text)
        hidden = len(rows) - room
        return Group(table, Text(f"… and {hidden} more", style="dim")) if hidden > 0 else table


def summary(event: Summary) -> Group:
    """A summary as a table below its title, which may be wider than the table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in event.columns:
        table.add_column(column, no_wrap=True)
    for row in event.rows:
        table.add_row(*(Text(cell, style=_cell_style(cell)) for cell in row))
    return Group(*([Text(event.title, style="italic")] if event.title else []), table)


def _cell_style(cell: str) -> str:
    if cell in {"ready", "done"}:
        return "green"
    return "red" if cell.startswith(("crashed", "exited", "not ready")) else ""
