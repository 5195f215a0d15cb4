"""The edge: what becomes of a fault, an interruption or a bug, whichever way a command was begun."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from nexus_cli.errors import BUG, INTERRUPTED, NexusError


def guarded(call: Callable[[], int | None]) -> int:
    """Make the call; a `NexusError` becomes one message, a hint and its exit code, never a traceback."""
    try:
        return call() or 0
    except NexusError as error:
        _report(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    except Exception as error:  # noqa: BLE001 - the edge: whatever is left is a bug of ours
        return _bug(error)


def _report(error: NexusError) -> None:
    findings = getattr(error, "findings", None)
    if findings:
        from nexus_cli.render.findings import lines

        sys.stderr.write("\n".join(lines(findings)) + "\n")
        return
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def _bug(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="nexus-bug-", suffix=".txt", delete=False) as report:
        traceback.print_exception(error, file=report)
    sys.stderr.write(f"error: this is a bug in nexus: {type(error).__name__}: {error}\n")
    sys.stderr.write(f"hint: please report it; the details are in {report.name}\n")
    if os.environ.get("NEXUS_DEBUG"):
        traceback.print_exception(error)
    return BUG
