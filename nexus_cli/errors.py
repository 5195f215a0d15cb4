"""What can go wrong, said to a person: one message, one hint, one exit code."""

from __future__ import annotations

from typing import ClassVar

INTERRUPTED, BUG = 130, 3
"""Exit codes that are no fault of a person's."""


class NexusError(Exception):
    """A fault that the user can understand and act on; the edge prints it without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(NexusError):
    """The command line, a blueprint or another input is wrong; nothing was changed."""

    exit_code = 2
