"""The words that renderers share: an event as a line of text, a failure as a block."""

from __future__ import annotations

from collections.abc import Mapping

from nexus_cli.events import (
    Event,
    Failure,
    Note,
    PlanFinished,
    StepFailed,
    StepFinished,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
)

DOING: Mapping[str, str] = {
    "prepare": "preparing",
    "start": "starting",
    "restart": "restarting",
    "run": "running",
    "await": "waiting for it",
    "configure": "configuring",
    "route": "waiting until it sends requests on",
    "stop": "stopping",
    "smoke": "asking it before others do",
    "shift": "moving its requests",
    "watch": "watching it",
    "drain": "waiting for its last requests",
}
DONE: Mapping[str, str] = {
    "prepare": "prepared",
    "start": "ready",
    "restart": "ready again",
    "run": "done",
    "await": "ready",
    "configure": "configured",
    "route": "sends requests on",
    "stop": "stopped",
    "smoke": "answers",
    "shift": "requests moved",
    "watch": "good",
    "drain": "drained",
}


def seconds(value: float) -> str:
    """A duration for people: 0.31 s, 12.4 s, 2 m 05 s."""
    if value < 10:  # noqa: PLR2004
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} m {int(value % 60):02d} s"  # noqa: PLR2004


def line(event: Event) -> tuple[str, str, str] | None:
    """An event as (mark, unit, words); None where a line would say nothing new."""
    match event:
        case StepStarted():
            return "·", event.unit, f"{DOING[event.action]}: {event.cause}"
        case StepWaiting():
            return "…", event.unit, event.why
        case StepProgress():
            return "·", event.unit, event.message
        case StepFinished():
            detail = f"  {event.detail}" if event.detail else ""
            return "✓", event.unit, f"{DONE[event.action]} after {seconds(event.seconds)}{detail}"
        case StepSkipped():
            return "-", event.unit, f"skipped: {event.why}"
        case StepFailed():
            return "✗", event.unit, f"failed after {seconds(event.seconds)}: {event.failure.reason}"
        case _:
            return None


def total(event: PlanFinished) -> str:
    """How a plan ended, in one line."""
    if not (event.done or event.failed or event.skipped):
        return f"{event.title}: nothing to do"
    parts = [f"{event.done} done"]
    if event.failed:
        parts.append(f"{event.failed} failed")
    if event.skipped:
        parts.append(f"{event.skipped} skipped")
    return f"{event.title}: {', '.join(parts)} in {seconds(event.seconds)}"


def block(failure: Failure) -> list[str]:
    """A failure as the lines of a block: reason, last probe, last log lines, next commands."""
    lines = [f"{failure.unit}: {failure.reason}"]
    if failure.exit_code is not None:
        lines.append(f"  exit code   {failure.exit_code}")
    if failure.probe:
        lines.append(f"  last probe  {failure.probe}")
    if failure.log:
        lines.append("  what it printed last:")
        lines.extend(f"    {text}" for text in failure.log)
    lines.extend(f"  next        {command}" for command in failure.next)
    return lines


def note(event: Note) -> list[str]:
    """A note as its lines."""
    mark = {"warning": "warning: ", "error": "error: "}.get(event.level, "")
    return [f"{mark}{event.message}", *([f"hint: {event.hint}"] if event.hint else [])]
