"""The kinds of test, in the order in which they run; each is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nexus_cli.testing.case import Tell

if TYPE_CHECKING:
    from nexus_cli.testing.run import Asked

Run = Callable[["Asked", Tell], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of test: what it asks, and `module:function` of what runs it.

    The function tells each case as soon as it is known, and raises a `NexusError` for what the person did
    wrong. One that is not `usual` runs only when it is named: it takes long, or disturbs what runs.
    """

    about: str
    where: str
    usual: bool = True

    def load(self) -> Run:
        """The function that runs it."""
        from importlib import import_module

        module, _, name = self.where.partition(":")
        found: Run = getattr(import_module(module), name)
        return found


KINDS: Mapping[str, Kind] = {
    "unit": Kind("each service's and package's own tests", "nexus_cli.testing.unit:run"),
    "integration": Kind("whether neighbours understand each other", "nexus_cli.testing.integration:run"),
    "contract": Kind("what services promise each other", "nexus_cli.testing.contract:run"),
    "e2e": Kind("a person's whole way", "nexus_cli.testing.e2e.suite:run", usual=False),
    "performance": Kind(
        "load on the services, held against what they promise",
        "nexus_cli.testing.performance.run:run",
        usual=False,
    ),
    "security": Kind(
        "what files give away, and what strangers get", "nexus_cli.testing.security.suite:run", usual=False
    ),
    "chaos": Kind(
        "parts are taken away: what users notice, and whether all is well afterwards",
        "nexus_cli.testing.chaos.run:run",
        usual=False,
    ),
}
