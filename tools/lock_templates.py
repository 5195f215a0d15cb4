"""Write the lock files of the FastAPI service template.

`pyproject.toml.jinja` of the template is the one place where versions are wanted. This tool renders it
with each feature alone and with all of them, resolves all of them once, then each feature within that
result, and writes lock templates in which every package stands behind the features that need it. The
templates then render without a network, and every combination has the same versions.

Run it with the interpreter of the development environment: `python tools/lock_templates.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from jinja2 import Environment
from uv import find_uv_bin

TEMPLATE = Path(__file__).parents[1] / "templates" / "service" / "fastapi" / "template"
FEATURES = {
    "base": {},
    "DATABASE_URL": {"connections": ["DATABASE_URL"]},
    "REDIS_URL": {"connections": ["REDIS_URL"]},
    "NATS_URL": {"connections": ["NATS_URL"]},
    "SENTRY_DSN": {"connections": ["SENTRY_DSN"]},
    "calls": {"calls": ["other"]},
    "notification": {"capabilities": ["notification"]},
}
GUARDS = {
    "DATABASE_URL": "'DATABASE_URL' in connections",
    "REDIS_URL": "'REDIS_URL' in connections",
    "NATS_URL": "'NATS_URL' in connections",
    "SENTRY_DSN": "'SENTRY_DSN' in connections",
    "calls": "calls",
    "notification": "'notification' in capabilities",
}
HEADER = "# Resolved together and pinned by hash; written by a tool, not by hand.\n"
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==")


def project(answers: dict[str, list[str]]) -> dict[str, Any]:
    """Read the project file of a service with these answers."""
    defaults: dict[str, object] = {
        "name": "service",
        "package": "service",
        "description": "",
        "owner": "",
        "license": "",
        "connections": [],
        "calls": [],
        "capabilities": [],
    }
    source = (TEMPLATE / "pyproject.toml.jinja").read_text()
    text = Environment(autoescape=False).from_string(source).render(defaults | answers)  # not HTML
    return tomllib.loads(text)


def requirements(answers: dict[str, list[str]], *, group: str = "") -> list[str]:
    """Read what a service with these answers asks for, with a group of its development or without."""
    described = project(answers)
    wanted: list[str] = described["project"]["dependencies"]
    return wanted + (described["dependency-groups"][group] if group else [])


def resolve(wanted: list[str], within: str = "") -> str:
    """Resolve for every platform and Python from 3.11, with hashes and without any index address."""
    with tempfile.TemporaryDirectory() as folder:
        source, constraints = Path(folder, "wanted.txt"), Path(folder, "constraints.txt")
        source.write_text("\n".join(wanted))
        constraints.write_text(re.sub(r" *\\\n( +--hash=\S+( \\)?\n?)+", "\n", within))
        command = [
            find_uv_bin(),
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-header",
            "--no-annotate",
            "--universal",
            "--python-version",
            "3.11",
            "--constraints",
            str(constraints),
            str(source),
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def blocks(lock: str) -> dict[str, str]:
    """Split a lock into its packages."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if match := PACKAGE.match(line):
            name = match[1]
            found[name] = ""
        if name:
            found[name] += line
    return found


def guarded(parts: dict[str, dict[str, str]], everything: dict[str, str]) -> str:
    """Put every package behind the features that need it."""
    lines = [HEADER]
    for name, block in everything.items():
        if name in parts["base"]:
            lines.append(block)
            continue
        needing = " or ".join(GUARDS[feature] for feature in GUARDS if name in parts[feature])
        lines.append(f"{{% if {needing} -%}}\n{block}{{% endif -%}}\n")
    return "".join(lines)


def main() -> None:
    """Write both lock templates, and the lock of what makes the image, which is one for all."""
    all_answers = {"connections": list(GUARDS)[:4], "calls": ["other"], "capabilities": ["notification"]}
    within = ""
    for name, group in (("requirements-dev.lock", "dev"), ("requirements.lock", "")):
        full = resolve(requirements(all_answers, group=group), within)
        within = within or full
        parts = {
            feature: blocks(resolve(requirements(answers, group=group), full))
            for feature, answers in FEATURES.items()
        }
        (TEMPLATE / f"{name}.jinja").write_text(guarded(parts, blocks(full)))
        print(f"{name}: {len(blocks(full))} packages, {len(parts['base'])} in every service")
    (TEMPLATE / "requirements-build.lock").write_text(
        HEADER + resolve(project({})["dependency-groups"]["build"])
    )


if __name__ == "__main__":
    main()
