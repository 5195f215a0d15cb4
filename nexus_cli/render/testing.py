"""Results of tests: on the screen while they come, a summary at the end, and files of them."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from nexus_cli.testing import junit
from nexus_cli.testing.case import BAD, Case, Status, grouped
from nexus_cli.testing.run import Result
from nexus_cli.workspace import write_atomic

MARKS: Mapping[Status, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "error": ("‼", "red"),
    "flaky": ("~", "yellow"),
    "skipped": ("-", "dim"),
    "not run": ("○", "yellow"),
}
"""How each status is marked, and in which colour."""

_DETAIL = 25


class Screen:
    """Tells what is worth telling while tests run: what failed, and what is done now."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def progress(self, line: str) -> None:
        """Say what is done now."""
        with self._lock:
            self._console.print(f"· {line}", style="dim", markup=False)

    def case(self, case: Case) -> None:
        """Show a case that a person has to know of at once."""
        if case.status in BAD:
            with self._lock:
                self._console.print(_line(case), style=MARKS[case.status][1], markup=False)


def screen(output: str) -> Screen:
    """Where cases are told while they come: on standard error."""
    del output
    return Screen(sys.stderr)


def summary(result: Result, folder: Path, output: str) -> str:
    """What a person or a program reads at the end."""
    if output == "json":
        return json.dumps(document(result), indent=2, ensure_ascii=False) + "\n"
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    console = Console(file=stream, force_terminal=sys.stdout.isatty(), highlight=False, soft_wrap=True)
    _failures(console, result.cases)
    _table(console, result)
    _verdict(console, result, folder)
    return stream.getvalue()


def _failures(console: Any, cases: Sequence[Case]) -> None:
    for case in cases:
        if case.status in BAD | {"flaky", "not run"}:
            console.print(_line(case), style=MARKS[case.status][1], markup=False)
            if case.status in BAD:
                lines = case.detail.splitlines()
                shown = (
                    lines
                    if len(lines) <= _DETAIL
                    else [f"… {len(lines) - _DETAIL} lines more", *lines[-_DETAIL:]]
                )
                for line in shown:
                    console.print(f"    {line}", style="dim", markup=False)


def _line(case: Case) -> str:
    where = f" ({case.place})" if case.place else ""
    said = f": {case.message}" if case.message else ""
    return f"{MARKS[case.status][0]} {case.kind} {case.subject} {case.name}{where}{said}"


def _table(console: Any, result: Result) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for column in ("type", "subject"):
        table.add_column(column.upper())
    statuses = [status for status in MARKS if any(case.status == status for case in result.cases)]
    for column in (*statuses, "time", "figures"):
        table.add_column(column.upper(), justify="left" if column == "figures" else "right")
    for kind, subject, cases in grouped(result.cases):
        counts = Counter(case.status for case in cases)
        figures = "  ".join(_figures(cases))
        seconds = sum(case.seconds for case in cases)
        numbers = [str(counts[status] or "") for status in statuses]
        table.add_row(kind, subject, *numbers, f"{seconds:.1f} s" if seconds else "", figures)
    console.print(table)


def _figures(cases: Sequence[Case]) -> Iterator[str]:
    """Each figure once: from the least to the most where several cases have it."""
    names = dict.fromkeys(name for case in cases for name in case.figures)
    for name in names:
        values = [case.figures[name] for case in cases if name in case.figures]
        least, most = f"{min(values):.4g}", f"{max(values):.4g}"
        yield f"{name} {least}" if least == most else f"{name} {least} to {most}"


_VERDICTS: Mapping[int, tuple[str, str]] = {
    0: ("passed", "bold green"),
    1: ("failed", "bold red"),
    5: ("nothing ran", "bold yellow"),
    130: ("interrupted", "bold yellow"),
}
"""By the exit code: the word, and how it is shown."""


def _verdict(console: Any, result: Result, folder: Path) -> None:
    word, style = _VERDICTS[result.exit_code]
    counts = Counter(case.status for case in result.cases)
    said = ", ".join(f"{counts[status]} {status}" for status in MARKS if counts[status])
    console.print(f"{word}: {said or 'no tests'} in {result.seconds:.1f} s", style=style, markup=False)
    console.print(f"report: {folder / 'report.html'}", markup=False)


def document(result: Result) -> dict[str, Any]:
    """The run as JSON says it."""
    counts = Counter(case.status for case in result.cases)
    return {
        "exit_code": result.exit_code,
        "began": result.began,
        "seconds": round(result.seconds, 3),
        "types": list(result.kinds),
        "interrupted": result.interrupted,
        "counts": dict(counts),
        "cases": [
            {
                "type": case.kind,
                "subject": case.subject,
                "name": case.name,
                "status": case.status,
                "seconds": round(case.seconds, 4),
                "message": case.message,
                "detail": case.detail,
                "file": case.file,
                "line": case.line,
                "figures": dict(case.figures),
                "attachments": [str(path) for path in case.attachments],
            }
            for case in result.cases
        ],
    }


def write(result: Result, folder: Path, platform: str) -> None:
    """Write JUnit XML, JSON and the page into the results folder."""
    from nexus_cli.render.report_page import page

    write_atomic(folder / "junit.xml", junit.write(result))
    write_atomic(folder / "results.json", json.dumps(document(result), indent=2, ensure_ascii=False) + "\n")
    write_atomic(folder / "report.html", page(result, platform, _VERDICTS[result.exit_code][0], folder))
