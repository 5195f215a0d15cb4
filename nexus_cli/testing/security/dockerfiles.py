"""Dockerfiles, as hadolint judges them."""

from __future__ import annotations

import json
import time

from nexus_cli import repo
from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import tools
from nexus_cli.testing.subject import subjects

KIND = "security"
_NAME = "its Dockerfile is sound"
_BAD = frozenset({"error", "warning"})


def check(asked: Asked, tell: Tell) -> None:
    """Judge every Dockerfile of the workspace; `.hadolint.yaml` there says what is accepted."""
    names = {s.folder.relative_to(asked.workspace.root).as_posix(): s.name for s in subjects(asked.platform)}
    for file in repo.files(asked.workspace.root):
        folder, _, base = file.rpartition("/")
        subject = names.get(folder, "platform")
        wanted = base == "Dockerfile" or base.startswith("Dockerfile.")
        if wanted and (not asked.services or subject in asked.services):
            _judge(asked, tell, file, subject)


def _judge(asked: Asked, tell: Tell, file: str, subject: str) -> None:
    began = time.monotonic()
    done = tools.run(asked, "hadolint", "--no-fail", "--format", "json", file)
    try:
        said = json.loads(done.out)
    except ValueError as error:
        raise NexusError(f"hadolint broke on {file}: {done.last_line}") from error
    bad = [one for one in said if one["level"] in _BAD]
    for one in bad:
        hint = f"`# hadolint ignore={one['code']}` above the line accepts it"
        message = f"{one['code']}: {one['message']}"
        tell(Case(KIND, subject, _NAME, "failed", 0, message, hint, file, one["line"]))
    if not bad:
        tell(Case(KIND, subject, _NAME, "passed", time.monotonic() - began, file=file))
