"""The completeness gate: a client is checked as a whole, then every operation is called and compared."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_generators.openapi.cases import Case, Cases, Impossible
from nexus_generators.openapi.document import Document
from nexus_generators.openapi.model import Api, Operation
from nexus_generators.sdk.library import Library

from nexus_cli.process import Completed
from nexus_cli.sdk.proof import Progress, Proof, Trial
from nexus_cli.sdk.report import Check, Omission, Report
from nexus_cli.sdk.schemas import Schemas
from nexus_cli.sdk.server import CaseServer, equal

_SHOWN = 200


def prove(
    document: Document,
    api: Api,
    library: Library,
    folder: Path,
    proof: Proof,
    language: str,
    progress: Progress,
) -> Report:
    """Everything that can be said about the client in `folder`."""
    began = time.monotonic()
    report = Report(document.name, language, len(api.operations), len(document.schemas), notes=document.notes)
    report.checks.append(_all_there(document, api, library))
    schemas = Schemas(document)
    trial = Trial(api, library, folder, _cases(document, api, library, schemas, report))
    progress("checking the client as a whole")
    report.checks.extend(proof.checks(trial, progress))
    progress(f"calling {len(trial.cases)} operations")
    _call_all(trial, proof, schemas, report, progress)
    report.seconds = time.monotonic() - began
    return report


def _cases(
    document: Document, api: Api, library: Library, schemas: Schemas, report: Report
) -> dict[int, Case]:
    """A case for each operation; those that cannot be tried go into the report."""
    cases: dict[int, Case] = {}
    for number, case in enumerate(Cases(document, api, schemas.valid, schemas.faults).all()):
        if isinstance(case, Impossible):
            report.omissions.append(_omission(case.operation, f"cannot be tried: {case.reason}", "document"))
        elif case.operation.pointer in library.calls:
            cases[number] = case
        else:
            report.omissions.append(_omission(case.operation, "was not generated", "client"))
    return cases


def _all_there(document: Document, api: Api, library: Library) -> Check:
    """Whether each operation and schema of the document, counted in the document, is in the client."""
    wanted = [f"{method.upper()} {path}" for path, method, *_ in document.operations()]
    have = {operation.key for operation in api.operations if operation.pointer in library.calls}
    lost = [name for name in wanted if name not in have]
    keys = {key.removesuffix("#form") for key in api.declarations}
    for name in document.schemas:
        ref = "#/components/schemas/" + name.replace("~", "~0").replace("/", "~1")
        if ref not in keys:
            lost.append(f"schema {name}")
    said = f"all {len(wanted)} operations and {len(document.schemas)} schemas are there"
    return Check(said, not lost, "\n".join(f"{name} is missing" for name in lost))


def _call_all(trial: Trial, proof: Proof, schemas: Schemas, report: Report, progress: Progress) -> None:
    with CaseServer(trial.cases, schemas.faults) as server:
        done = proof.driver(trial, server.url, progress) if trial.cases else Completed(0, "", "")
    results: dict[int, list[dict[str, Any]]] = {}
    for line in done.out.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            results.setdefault(result["number"], []).append(result)
    for number, case in trial.cases.items():
        why = _verdict(case, results.get(number, []), server, number, proof.modes)
        if why:
            report.omissions.append(_omission(case.operation, why, "client"))
        else:
            report.proved += 1
    crashed = bool(done.code)
    said = [*done.err.splitlines()[-15:], *done.out.splitlines()[-5:]] if crashed else []
    name = "every operation is called against a server made from the document"
    report.checks.append(Check(name, not crashed, "\n".join(said)))


def _verdict(
    case: Case, results: Sequence[Mapping[str, Any]], server: CaseServer, number: int, modes: int
) -> str:
    """What is wrong with a call; the empty text means that request and answer are as documented."""
    faults = server.faults.get(number)
    if faults:
        return faults[0]
    for result in results:
        if "error" in result:
            return str(result["error"]).replace("\n", " ")[: _SHOWN * 2]
    if len(results) < modes:
        return "was not called"
    if server.called.get(number, 0) < modes:
        return "no request came"
    for result in results:
        wanted = case.answer_value
        if case.answer is None or case.answer.kind == "none":
            continue
        if not equal(result.get("value"), wanted):
            place, got, said = _first_difference(result.get("value"), wanted, "")
            return f"the answer's {place or 'value'} became {_short(got)} instead of {_short(said)}"
    return ""


def _first_difference(got: Any, wanted: Any, place: str) -> tuple[str, Any, Any]:
    """Where two values differ first, and what stands there."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in [*wanted, *got]:
            if not equal(got.get(key), wanted.get(key)):
                return _first_difference(got.get(key), wanted.get(key), f"{place}/{key}")
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        for number, (one, other) in enumerate(zip(got, wanted, strict=True)):
            if not equal(one, other):
                return _first_difference(one, other, f"{place}/{number}")
    return place, got, wanted


def _short(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _omission(operation: Operation, why: str, fault: Any) -> Omission:
    return Omission(operation.key, operation.id, why, fault)
