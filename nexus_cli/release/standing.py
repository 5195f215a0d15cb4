"""The stack of an environment as it is: of what is released where it is deployed to, else of this folder."""

from __future__ import annotations

import time

from nexus_cli.events import Note
from nexus_cli.stack.stack import Stack, assemble
from nexus_cli.workspace import Workspace, deployed


def standing(workspace: Workspace, environment: str) -> Stack:
    """What runs, or would run, in an environment: what every command that looks at it wants."""
    if not deployed(workspace, environment):
        return assemble(workspace, environment)
    from nexus_cli.release.estate import estate

    return estate(workspace, environment).stack()


def under_way(workspace: Workspace, environment: str) -> Note | None:
    """What a person should know of a deployment that goes on, waits for them, or was broken off."""
    if not deployed(workspace, environment):
        return None
    from nexus_cli.release.estate import estate
    from nexus_cli.release.lock import holder

    place = estate(workspace, environment)
    begun = place.unfinished()
    if begun is None:
        return None
    body = begun.body
    what = f"{body['action']} {body['version']} by {body['actor']}"
    working = holder(place.ledger, environment)
    if working is not None:
        return Note(f"{what} is under way: {working}")
    ended = place.ledger.last(environment, "ended")
    hint = f"nexus deploy {environment} --resume goes on with it, nexus rollback {environment} takes it back"
    if ended is not None and ended.body["run"] == begun.number:
        state = "is paused" if place.paused else "could not be taken back"
        return Note(f"{what} {state}: {ended.body['why']}", "warning", hint)
    steps = place.ledger.entries(environment, "step", since=begun.number)
    states = {entry.body["id"]: entry.body["state"] for entry in steps}
    open_ = [f"`{step}`" for step, state in states.items() if state == "begun"]
    last = f"at {', '.join(open_)}" if open_ else "between two steps" if steps else "before its first step"
    ago = max(0, round(time.time() - (steps[-1] if steps else begun).time))
    return Note(f"{what} was broken off {last}, {ago} s ago", "warning", hint)
