"""How clients of a language are proved: what each language says of itself, and what the gate gives it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_generators.openapi.cases import Case
from nexus_generators.openapi.model import Api
from nexus_generators.sdk.library import Library

from nexus_cli.process import Completed, run
from nexus_cli.sdk.report import Check

Progress = Callable[[str], None]
_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A client in a folder of its own, and the cases that it is tried with."""

    api: Api
    library: Library
    folder: Path
    cases: Mapping[int, Case]

    def listed(self) -> str:
        """The cases as JSON, for a program that calls by name."""
        return json.dumps([_told(number, case, self.library) for number, case in self.cases.items()])


@dataclass(frozen=True, slots=True)
class Proof:
    """How clients of one language are proved.

    `checks` looks at the client as a whole; `driver` calls every operation on the server at an address, and
    writes a JSON line for each call. `modes` are how many ways there are to call an operation.
    """

    checks: Callable[[Trial, Progress], Iterator[Check]]
    driver: Callable[[Trial, str, Progress], Completed]
    modes: int = 1


def _told(number: int, case: Case, library: Library) -> dict[str, Any]:
    call = library.calls[case.operation.pointer]
    return {
        "number": number,
        "pointer": case.operation.pointer,
        "group": call.group,
        "method": call.method,
        "arguments": {call.arguments[key]: value for key, value in case.arguments.items()},
        "has_body": case.body is not None,
        "body": case.body_value,
        "streams": call.streams,
    }


def finished(name: str, command: list[str], cwd: Path, **env: str) -> Check:
    """A check that a program makes by its exit code."""
    done = run(command, cwd=cwd, env={**os.environ, **env}, timeout=_SECONDS)
    return Check(name, done.code == 0, "" if done.code == 0 else f"{done.out}\n{done.err}".strip())
