"""OWASP ZAP, where it is: its program on this machine, or its image in the engine."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_cli.process import run
from nexus_cli.testing.case import Case
from nexus_cli.testing.programs import broke, environment, run_program
from nexus_cli.testing.run import Asked

KIND = "security"
_NAME = "ZAP finds nothing"
_PROGRAMS = ("zap.sh", "zaproxy")
_IMAGES = ("ghcr.io/zaproxy/zaproxy:stable", "zaproxy/zap-stable:latest")
_FOLDER, _REPORT = "security/zap", "zap.json"
_LOW = 1  # ZAP's risk codes: 0 informational, 1 low, 2 medium, 3 high
_MISSING = f"ZAP is not there: neither {' nor '.join(_PROGRAMS)} on the PATH, nor its image in the engine"


def scan(asked: Asked, url: str) -> Iterator[Case]:
    """Let it crawl and look at what is reached from an address; its own report is kept."""
    began = time.monotonic()
    folder = asked.folder(_FOLDER)
    folder.chmod(0o777)  # in its image ZAP is a user of its own; the folder above is private
    name = f"nexus-zap-{secrets.token_hex(4)}"
    command = _command(folder, url, name)
    if command is None:
        hint = "https://www.zaproxy.org/download, or `docker pull` its image"
        yield Case(KIND, "platform", _NAME, "not run", message=_MISSING, detail=hint)
        return
    report = folder / _REPORT
    report.unlink(missing_ok=True)
    try:
        done = run_program(asked, command, cwd=folder, env=environment([], {}))
    finally:
        if name in command:  # a client of the engine that is ended leaves its container
            run([command[0], "rm", "--force", name], timeout=30)
    if not report.is_file():
        raise broke("ZAP", done)
    faults = list(alerts(json.loads(report.read_text(encoding="utf-8"))))
    for message, detail in faults:
        yield Case(
            KIND, "platform", _NAME, "failed", 0, message, detail, attachments=(Path(_FOLDER, _REPORT),)
        )
    if not faults:
        yield Case(KIND, "platform", _NAME, "passed", time.monotonic() - began)


def _command(folder: Path, url: str, container: str) -> Sequence[str] | None:
    """How it is run: its quick scan, or the baseline scan of its image, both with a report in JSON."""
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program:
            return [program, "-cmd", "-quickurl", url, "-quickout", str(folder / _REPORT)]
    docker = shutil.which("docker")
    for image in _IMAGES if docker else ():
        if docker and not run([docker, "image", "inspect", image], timeout=30).code:
            mount = f"{folder}:/zap/wrk:rw"
            return [
                *(docker, "run", "--rm", "--init", "--name", container, "--network=host"),
                *("--volume", mount, image),
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
