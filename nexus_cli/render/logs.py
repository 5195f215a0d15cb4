"""Log lines for people (a coloured unit name and local time) and for programs (JSON)."""

from __future__ import annotations

import json
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from nexus_cli.blueprint.scalars import parse_duration
from nexus_cli.errors import UsageError
from nexus_cli.unit import LogLine

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
_CODES = {"cyan": 36, "green": 32, "magenta": 35, "yellow": 33, "blue": 34}
_CODES |= {"bright_cyan": 96, "bright_green": 92, "bright_magenta": 95}


def moment(text: str | None) -> float | None:
    """Seconds since the epoch from `5m` (ago) or an ISO date and time."""
    if text is None:
        return None
    try:
        return datetime.now().astimezone().timestamp() - parse_duration(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise UsageError(
            f'cannot read the time "{text}"',
            hint="write 90s, 5m, 2h or a date and time such as 2026-01-31T14:00",
        ) from None


def matching(lines: Iterable[LogLine], pattern: str | None, tail: int | None) -> Iterator[LogLine]:
    """The lines in which the pattern is found; with a pattern, `tail` counts matching lines."""
    if pattern is None:
        yield from lines
        return
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"cannot read the pattern {pattern!r}: {error}") from None
    found = (line for line in lines if regex.search(line.text))
    yield from found if tail is None else deque(found, maxlen=tail)


def printer(*, json_: bool) -> Callable[[LogLine], None]:
    """Prints one line on standard output at once, in colour on a terminal."""
    if json_:
        return _print_json
    from rich.console import Console

    coloured = Console().color_system is not None and sys.stdout.isatty()
    seen: dict[str, str] = {}

    def show(line: LogLine) -> None:
        clock = datetime.fromtimestamp(line.time).astimezone().strftime("%H:%M:%S.%f")[:-3]
        colour = seen.setdefault(line.unit, _COLOURS[len(seen) % len(_COLOURS)])
        name = f"{line.unit:<14}"
        if coloured:
            name = f"\x1b[{_CODES[colour]}m{name}\x1b[0m"
        print(f"{clock} {name} {line.text}", flush=True)  # noqa: T201 - the edge

    return show


def _print_json(line: LogLine) -> None:
    data = {"time": line.time, "unit": line.unit, "stream": line.stream, "text": line.text}
    print(json.dumps(data, ensure_ascii=False), flush=True)  # noqa: T201 - the edge
