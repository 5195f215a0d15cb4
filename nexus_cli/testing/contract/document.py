"""Whether a service answers as its OpenAPI document says: schemathesis, with requests made from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.model import Service
from nexus_cli.engine import python_project
from nexus_cli.process import DidNotEnd
from nexus_cli.testing import junit
from nexus_cli.testing.case import BAD, Case
from nexus_cli.testing.programs import broke, environment, fresh, run_program
from nexus_cli.testing.run import Asked
from nexus_cli.unit import PythonProject
from nexus_cli.workspace import write_atomic

_LOCK = Path(__file__).resolve().parent.parent / "locks" / "contract.lock"
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
_EXAMPLES, _SEED = 10, 1


def check(asked: Asked, service: Service, url: str, document: dict[str, Any]) -> Iterator[Case]:
    """A case for each operation."""
    project = PythonProject(
        asked.workspace.root,
        str(_LOCK),
        place=asked.workspace.state / "tests" / "environments" / "contract" / "venv",
    )
    folder = asked.folder(f"contract/{service.name}")
    python_project.build(project, asked.progress)
    results, said = fresh(folder / "junit.xml"), folder / "openapi.json"
    write_atomic(said, json.dumps(document))
    try:
        done = run_program(
            asked,
            [
                str(python_project.environment(project) / "bin" / "schemathesis"),
                *("--no-color", "run", str(said), "--url", url),
                *("--checks", ",".join(_CHECKS), "--phases", "coverage,fuzzing"),
                *("--max-examples", str(_EXAMPLES), "--seed", str(_SEED), "--generation-database", "none"),
                *("--exclude-path-regex", "^/(health|metrics)", "--suppress-health-check", "all"),
                *("--report", "junit", "--report-junit-path", str(results), "--warnings", "off"),
            ],
            cwd=folder,
            env=environment([], {"NO_PROXY": "*", "HOME": os.environ.get("HOME", str(folder))}),
        )
    except DidNotEnd as error:
        yield Case("contract", service.name, "OpenAPI document", "error", message=error.message)
        return
    write_atomic(folder / "output.txt", done.out + done.err)
    if "No API operations" in done.out or not document["paths"]:
        return
    if not results.is_file():
        raise broke("schemathesis", done)
    cases = [_named(case) for case in junit.read(results, "contract", service.name, "")]
    if done.code and not any(case.status in BAD for case in cases):
        said_last = done.last_line
        cases.append(
            Case(
                "contract", service.name, "schemathesis", "error", message=said_last, detail=done.out[-2000:]
            )
        )
    yield from cases


def _named(case: Case) -> Case:
    """A case with what schemathesis found, in words, in place of its codes."""
    if case.status not in BAD:
        return replace(case, name=f"{case.name} answers as described")
    found = [
        line[2:].partition(" ")[2].strip() for line in case.detail.splitlines() if line.startswith("- S")
    ]
    message = "; ".join(dict.fromkeys(found)) or case.message
    return replace(case, name=f"{case.name} answers as described", message=message)
