"""OWASP ZAP, where it is: its program on this machine, or its image in the engine."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_cli.errors import NexusError
from nexus_cli.process import run
from nexus_cli.testing.case import Case
from nexus_cli.testing.programs import environment, run_program
from nexus_cli.testing.run import Asked

KIND = "security"
_NAME = "ZAP finds nothing"
_PROGRAMS = ("zap.sh", "zaproxy")
_IMAGES = ("ghcr.io/zaproxy/zaproxy:stable", "zaproxy/zap-stable:latest")
_REPORT = "zap.json"
_LOW = 1  # ZAP's risk codes: 0 informational, 1 low, 2 medium, 3 high
_MISSING = f"ZAP is not there: neither {' nor '.join(_PROGRAMS)} on the PATH, nor its image in the engine"


def scan(asked: Asked, url: str) -> Iterator[Case]:
    """Let it crawl and look at what is reached from an address; its own report is kept."""
    began = time.monotonic()
    folder = asked.folder("security")
    command = _command(folder, url)
    if command is None:
        hint = "https://www.zaproxy.org/download, or `docker pull` its image"
        yield Case(KIND, "platform", _NAME, "not run", message=_MISSING, detail=hint)
        return
    report = folder / _REPORT
    report.unlink(missing_ok=True)
    done = run_program(asked, command, cwd=folder, env=environment([], {}))
    if not report.is_file():
        raise NexusError(f"ZAP broke: {done.last_line}")
    faults = list(alerts(json.loads(report.read_text(encoding="utf-8"))))
    for message, detail in faults:
        yield Case(
            KIND, "platform", _NAME, "failed", 0, message, detail, attachments=(Path("security", _REPORT),)
        )
    if not faults:
        yield Case(KIND, "platform", _NAME, "passed", time.monotonic() - began)


def _command(folder: Path, url: str) -> Sequence[str] | None:
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program:
            return [program, "-cmd", "-quickurl", url, "-quickout", str(folder / _REPORT)]
    docker = shutil.which("docker")
    for image in _IMAGES if docker else ():
        if docker and not run([docker, "image", "inspect", image], timeout=30).code:
            mount = f"{folder}:/zap/wrk:rw"
            return [
                *(docker, "run", "--rm", "--network=host", "--volume", mount, image),
                *("zap-baseline.py", "-t", url, "-J", _REPORT, "-I"),
            ]
    return None


def alerts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What it raises above low risk: what, and where."""
    for site in report.get("site", ()):
        for alert in site.get("alerts", ()):
            if int(alert.get("riskcode", 0)) > _LOW:
                places = [
                    f"{one.get('method', '')} {one.get('uri', '')}" for one in alert.get("instances", ())
                ]
                yield f"{alert['name']} ({alert.get('riskdesc', '')})", "\n".join(places)
