"""JUnit XML, read from those who run tests and written for those who read results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Status, grouped

if TYPE_CHECKING:
    from nexus_cli.testing.run import Result

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SAYS: dict[str, Status] = {"failure": "failed", "error": "error", "skipped": "skipped"}


def read(path: Path, kind: str, subject: str, prefix: str) -> list[Case]:
    """The cases of a file that a runner wrote; `prefix` is where its files lie in the workspace."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - written by the program that was just run
    except (OSError, ET.ParseError) as error:
        raise NexusError(f"the results of {subject} cannot be read: {error}") from error
    return [_case(element, kind, subject, prefix) for element in root.iter("testcase")]


def _case(element: ET.Element, kind: str, subject: str, prefix: str) -> Case:
    status: Status = "passed"
    message = detail = ""
    for child in element:
        if child.tag in _SAYS and status in {"passed", "skipped"}:
            status = _SAYS[child.tag]
            message = (child.get("message") or child.text or "").strip()
            detail = "" if status == "skipped" else (child.text or "").strip()
    file = element.get("file") or ""
    line = int(element.get("line") or -1) + 1  # pytest counts from 0
    return Case(
        kind,
        subject,
        element.get("name") or "?",
        status,
        float(element.get("time") or 0),
        message.splitlines()[0] if message else "",
        detail,
        file=f"{prefix}/{file}" if file and prefix else file,
        line=line,
    )


def write(result: Result) -> str:
    """The whole run: a suite for each kind and subject."""
    top = ET.Element("testsuites", name="nexus test", time=f"{result.seconds:.3f}")
    for kind, subject, cases in grouped(result.cases):
        suite = ET.SubElement(
            top,
            "testsuite",
            name=f"{kind}.{subject}",
            tests=str(len(cases)),
            failures=str(sum(case.status == "failed" for case in cases)),
            errors=str(sum(case.status == "error" for case in cases)),
            skipped=str(sum(case.status in {"skipped", "not run"} for case in cases)),
            time=f"{sum(case.seconds for case in cases):.3f}",
        )
        for case in cases:
            _write_case(suite, case)
    ET.indent(top)
    return ET.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def _write_case(suite: ET.Element, case: Case) -> None:
    names = {"classname": f"{case.kind}.{case.subject}", "name": _printable(case.name)}
    where = {"file": case.file, "line": str(case.line)} if case.file else {}
    element = ET.SubElement(suite, "testcase", {**names, "time": f"{case.seconds:.3f}", **where})
    tag = {"failed": "failure", "error": "error", "skipped": "skipped", "not run": "skipped"}.get(case.status)
    said = f"{case.status}: {case.message}" if case.status in {"not run", "flaky"} else case.message
    if tag:
        ET.SubElement(element, tag, message=_printable(said)).text = _printable(case.detail)
    elif case.status == "flaky":
        ET.SubElement(element, "system-out").text = _printable(f"{said}\n{case.detail}")
    if case.figures:
        properties = ET.SubElement(element, "properties")
        for name, value in case.figures.items():
            ET.SubElement(properties, "property", name=name, value=f"{value:g}")


def _printable(text: str) -> str:
    """Text without what XML cannot hold."""
    return _UNPRINTABLE.sub("�", text)
