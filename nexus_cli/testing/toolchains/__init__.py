"""How each toolchain runs a service's own tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from nexus_cli.engine.engine import Progress
from nexus_cli.testing.case import Case
from nexus_cli.testing.run import Asked
from nexus_cli.testing.subject import Subject, Toolchain
from nexus_cli.testing.tested import Tested
from nexus_cli.testing.toolchains import go, node, python


@dataclass(frozen=True, slots=True)
class Runner:
    """`prepare` brings what tests need; `run` runs all of them, or only those cases of an earlier run."""

    prepare: Callable[[Subject, Asked, Progress], None]
    run: Callable[[Subject, Asked, Collection[Case]], Tested]


TOOLCHAINS: Mapping[Toolchain, Runner] = {
    "python": Runner(python.prepare, python.run),
    "node": Runner(node.prepare, node.run),
    "go": Runner(go.prepare, go.run),
}
