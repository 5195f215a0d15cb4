"""Upcasters: events keep the form in which they were written; who reads them sees the newest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Upcast = Callable[[Any], Any]


class Upcasters:
    """The steps from each form of a type's data to the next; the first form is number one."""

    def __init__(self) -> None:
        self._steps: defaultdict[str, list[Upcast]] = defaultdict(list)

    def add(self, kind: str, step: Upcast) -> None:
        """Make of data in the newest form so far what the next form has; it is given a copy of its own."""
        self._steps[kind].append(step)

    def newest(self, kind: str) -> int:
        """Say in which form events of a type are written now."""
        return len(self._steps.get(kind, ())) + 1

    def upcast(self, kind: str, form: int, data: Any) -> Any:
        """Bring data from the form in which it was written to the newest."""
        if form > self.newest(kind):
            raise ValueError(f"{kind} was written in form {form}, which this code does not know yet")
        for step in self._steps.get(kind, [])[form - 1 :]:
            data = step(data)
        return data
