"""What a runtime needs on this machine before its programs run: one entry for each kind of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_cli.engine import go_project, node_project, python_project, tools
from nexus_cli.engine.engine import Progress
from nexus_cli.unit import GoProject, NodeProject, PythonProject, Wheel


@dataclass(frozen=True, slots=True)
class Environment:
    """How a kind of runtime is made ready; each function takes a runtime of that kind.

    `build` leaves the old or the new, never half of one, and does nothing where `built` holds. `programs` are
    the folders that go first on the PATH, `variables` what its programs must be told beside it.
    """

    build: Callable[[Any, Progress], None]
    built: Callable[[Any], bool]
    programs: Callable[[Any], Sequence[Path]]
    variables: Callable[[Any], Mapping[str, str]] = lambda _: {}

    def located(self, runtime: object, command: Sequence[str]) -> list[str]:
        """The command with its program's path, if the runtime has it."""
        candidates = (folder / command[0] for folder in self.programs(runtime))
        found = next((path for path in candidates if path.is_file()), command[0])
        return [str(found), *command[1:]]


ENVIRONMENTS: Mapping[type, Environment] = {
    Wheel: Environment(tools.install, tools.installed, lambda wheel: [tools.programs(wheel)]),
    PythonProject: Environment(
        python_project.build, python_project.built, python_project.programs, python_project.variables
    ),
    NodeProject: Environment(
        node_project.build, node_project.built, node_project.programs, node_project.variables
    ),
    GoProject: Environment(go_project.build, go_project.built, go_project.programs),
}
"""By the kind of the runtime; what is missing here, such as a container, needs nothing on this machine."""
