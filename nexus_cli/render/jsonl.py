"""Events as JSON lines on standard output: `{"event": "step_finished", "unit": "postgres", ...}`."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict
from types import TracebackType
from typing import Self, TextIO

from nexus_cli.events import Event

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class JsonLines:
    """Writes each event as one line and flushes it at once."""

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
        name = _WORD.sub("_", type(event).__name__).lower()
        line = json.dumps({"event": name, **asdict(event)}, ensure_ascii=False)
        with self.lock:
            print(line, file=self.stream, flush=True)
