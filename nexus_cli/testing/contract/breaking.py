"""What a new version of a service takes away from those that call it: its document beside the one before.

That lies in `tests/contract/NAME.json`, under version control; without it, the last release's is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nexus_cli.release import interface
from nexus_cli.testing.case import Case
from nexus_cli.testing.run import Asked
from nexus_cli.workspace import write_atomic


def check(asked: Asked, name: str, document: Mapping[str, Any]) -> Iterator[Case]:
    """What the service breaks of its last document; with --accept, the new one becomes the last one."""
    path = asked.workspace.root / "tests" / "contract" / f"{name}.json"
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if asked.accept:
        write_atomic(path, text)
    kept = str(path.relative_to(asked.workspace.root)) if path.is_file() else ""
    if kept:
        said, last = kept, path.read_text(encoding="utf-8")
    else:
        said, last = interface.last(asked.workspace, name)
    if not last:
        return
    faults = list(interface.breaking(interface.between(last, said, text, name)))
    yield Case(
        "contract",
        name,
        "keeps what its last document promises",
        "failed" if faults else "passed",
        message=faults[0] if faults else "",
        detail="\n".join([*faults, "", "If it is meant: nexus test -t contract --accept"]) if faults else "",
        file=kept,
    )
