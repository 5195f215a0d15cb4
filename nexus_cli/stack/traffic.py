"""The gateway's data plane: routing changes step by step, and a step counts once the plane has taken it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from nexus_generators import envoy

from nexus_cli.engine.engine import Engine
from nexus_cli.errors import NexusError
from nexus_cli.unit import File, Observed, Unit, side

PATIENCE = 15.0
_INTERVAL = 0.03
_TIMEOUT = 5.0


class Unanswered(NexusError):
    """The gateway did not tell what it does."""

    def __init__(self, error: str) -> None:
        self.reason = f"does not tell what it does ({error})"
        super().__init__(f"the gateway's admin interface does not answer: {error}")


def shift(engine: Engine, gateway: Unit, seen: Observed, cancelled: threading.Event) -> None:
    """Lead a running gateway from its routing to the unit's, at no moment with a route that leads nowhere."""
    wanted = {name: file.content for name, file in gateway.files.items() if file.live}
    held = {name: text for name in wanted if (text := gateway.written(name)) is not None}
    state = dict(held)
    for step in envoy.transition(held, wanted):
        state.update(step)
        files = {name: File(text, live=True) for name, text in state.items()}
        engine.configure(replace(gateway, files={**gateway.files, **files}))
        versions = envoy.versions(state)
        _await(cancelled, partial(_not_taken, gateway, seen, versions))


def restore(engine: Engine, gateway: Unit, seen: Observed, cancelled: threading.Event) -> None:
    """Write all of a running gateway's files anew, and wait until it leads requests as they say."""
    versions = envoy.versions({name: file.content for name, file in gateway.files.items() if file.live})
    clusters = {name: file for name, file in gateway.files.items() if name == envoy.CLUSTERS}
    engine.configure(replace(gateway, files=clusters), whole=True)  # before the routes to them
    _await(cancelled, partial(_without_clusters, gateway, seen, versions))
    engine.configure(gateway, whole=True)
    _await(cancelled, partial(_not_taken, gateway, seen, versions))


def confirm(gateway: Unit, seen: Observed, cancelled: threading.Event) -> None:
    """Wait until the gateway sends requests to every one of its upstreams, which are ready by themselves."""
    _await(cancelled, partial(_not_routed, gateway, seen, Counter(map(side, gateway.upstreams))))


def holds(gateway: Unit, seen: Observed) -> bool:
    """Whether a running gateway's data plane leads requests as the unit's files say, and only so."""
    wanted = {name: file.content for name, file in gateway.files.items() if file.live}
    return not _not_taken(gateway, seen, envoy.versions(wanted))


def counted(gateway: Unit, seen: Observed, *sides: str) -> dict[str, envoy.Counted]:
    """What the gateway has counted of each side until now."""
    stats = _admin(gateway, seen, envoy.stats_path(*sides))
    return {side: envoy.counted(stats, side) for side in sides}


def _await(cancelled: threading.Event, missing: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not cancelled.is_set():
        try:
            reason = missing()
        except Unanswered as fault:  # a busy machine or a slow line: it may answer the next time
            reason = fault.reason
        if not reason:
            return
        if time.monotonic() >= deadline:
            raise NexusError(f"the gateway {reason} after {PATIENCE:g} s", hint="nexus logs gateway")
        cancelled.wait(_INTERVAL)
    raise NexusError("interrupted")


def _without_clusters(gateway: Unit, seen: Observed, wanted: envoy.Versions) -> str:
    running = envoy.running(_admin(gateway, seen, envoy.CONFIG_DUMP))
    return "" if running.clusters == wanted.clusters else "does not know where to send requests"


def _not_taken(gateway: Unit, seen: Observed, wanted: envoy.Versions) -> str:
    running = envoy.running(_admin(gateway, seen, envoy.CONFIG_DUMP))
    return "" if running == wanted else "does not run the routing that was written"


def _not_routed(gateway: Unit, seen: Observed, replicas: Mapping[str, int]) -> str:
    healthy = envoy.healthy(_admin(gateway, seen, envoy.CLUSTER_STATES))
    missing = sorted(name for name, count in replicas.items() if healthy.get(name) != count)
    return f"still sends no requests to {', '.join(missing)}" if missing else ""


def _admin(gateway: Unit, seen: Observed, path: str) -> Mapping[str, Any]:
    host, port = seen.reach(gateway.listens["admin"])
    try:
        with urlopen(f"http://{host}:{port}{path}", timeout=_TIMEOUT) as answer:
            state: Mapping[str, Any] = json.load(answer)
    except (OSError, HTTPException, ValueError) as error:
        raise Unanswered(str(error)) from error
    return state
