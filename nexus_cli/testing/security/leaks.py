"""Secrets in files that git has, or would take: found by detect-secrets, never shown."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_generators.writer import untouched

from nexus_cli import repo
from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.programs import broke
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import tools

KIND = "security"
BASELINE = ".secrets.baseline"
_NAME = "no secret lies in the workspace"
_PLACEHOLDERS = "(?i)^(password|passwd|secret|hidden|token|example|changeme)$"
"""What documentation says where a value goes."""

_AT_ONCE = 500  # files of one command line
_FORMS = Path(__file__).resolve().parent.parent / "plugin" / "nexus_keys.py"
_INDIRECT = "detect_secrets.filters.heuristic.is_indirect_reference"
"""Takes `client = connect(key="...")` for a value from elsewhere, and so would hide what leaks there."""
_HINT = (
    "make it invalid where it is used, and keep it with `nexus secret set NAME`; what is no "
    f"secret is accepted with `# pragma: allowlist secret` on its line, or in {BASELINE}"
)


def check(asked: Asked, tell: Tell) -> None:
    """Look through the workspace's files; what is in the baseline has been accepted."""
    began = time.monotonic()
    root = asked.workspace.root
    accepted = _accepted(root / BASELINE)
    files = [path for path in repo.files(root) if path != BASELINE]
    generated = untouched(root, files)
    faults: list[Case] = []
    own = [path for path in files if path not in generated]
    for first in range(0, len(own), _AT_ONCE):
        faults += found(_scan(asked, own[first : first + _AT_ONCE]), accepted)
    for case in faults:
        tell(case)
    if not faults:
        seconds = time.monotonic() - began
        tell(Case(KIND, "platform", _NAME, "passed", seconds, figures={"files": len(files)}))


def _scan(asked: Asked, files: Sequence[str]) -> Mapping[str, Any]:
    # -n: nothing is sent anywhere to find out whether it is valid.
    how = ("-n", "--plugin", str(_FORMS), "--disable-filter", _INDIRECT, "--exclude-secrets", _PLACEHOLDERS)
    done = tools.run(asked, "detect-secrets", "scan", *how, *files)
    if done.code:
        raise broke("detect-secrets", done)
    results: Mapping[str, Any] = json.loads(done.out)["results"]
    return results


def found(results: Mapping[str, Any], accepted: frozenset[tuple[str, str]]) -> Iterator[Case]:
    """A case for each secret that is not accepted: its kind and place, and nothing of itself."""
    for file, secrets in sorted(results.items()):
        for secret in secrets:
            if (file, secret["hashed_secret"]) not in accepted:
                message = f"{secret['type']} in {file}:{secret['line_number']}"
                yield Case(
                    KIND, "platform", _NAME, "failed", 0, message, _HINT, file, int(secret["line_number"])
                )


def _accepted(baseline: Path) -> frozenset[tuple[str, str]]:
    """What a person has looked at and accepted: a file in the form that detect-secrets writes."""
    try:
        said = json.loads(baseline.read_text(encoding="utf-8"))["results"]
        return frozenset((file, one["hashed_secret"]) for file, some in said.items() for one in some)
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NexusError(
            f"cannot read {BASELINE}: {error}",
            hint=f"write it again with `detect-secrets scan -n > {BASELINE}`",
        ) from error
