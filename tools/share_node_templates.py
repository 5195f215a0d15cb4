"""Bring the Express template along with the Fastify one: the files that are the same in both.

What speaks to the framework is each template's own (`FRAMEWORK` in tests/templates/test_node_templates.py).
A file of the Fastify template that the Express one has not is copied as well; one that is gone is only named.

Run it with the interpreter of the development environment: `python tools/share_node_templates.py`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]
FASTIFY, EXPRESS = (TOP / "templates" / "service" / kind / "template" for kind in ("fastify", "express"))


def main() -> None:
    """Copy what is shared, and name what only one of them has."""
    sys.path.insert(0, str(TOP / "tests" / "templates"))
    from test_node_templates import FRAMEWORK, OWN

    for source in sorted(path for path in FASTIFY.rglob("*") if path.is_file()):
        name = str(source.relative_to(FASTIFY))
        target = EXPRESS / name
        if name not in FRAMEWORK and not (target.exists() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
            print(f"copied {name}")
    ours = {str(path.relative_to(EXPRESS)) for path in EXPRESS.rglob("*") if path.is_file()}
    for name in sorted(ours - {str(path.relative_to(FASTIFY)) for path in FASTIFY.rglob("*")}):
        if name not in OWN["express"]:
            print(f"only in express: {name}")


if __name__ == "__main__":
    main()
