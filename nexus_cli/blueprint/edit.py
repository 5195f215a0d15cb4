"""Edits of blueprints that people wrote: one entry is added, every other byte stays as it is.

A round trip through a YAML emitter keeps comments but still re-flows lines; the positions that the
composer knows make the edit exact. The result is read again, and refused if it says anything else.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from nexus_cli.blueprint.model import PlatformSpec
from nexus_cli.errors import UsageError

_KEY = "include"


def add_includes(text: str, entries: Sequence[str], *, file: str = "nexus.yaml") -> str:
    """The platform's blueprint with these entries at the end of `include`, unless they are there."""
    data = yaml.safe_load(text)
    default = list(PlatformSpec.model_fields[_KEY].default)
    present = default if data.get(_KEY) is None else data[_KEY]
    wanted = [entry for entry in dict.fromkeys(entries) if entry not in present]
    if not wanted:
        return text
    edited = _insert(text, wanted, default)
    expected = {**data, _KEY: [*present, *wanted]}
    try:
        understood = yaml.safe_load(edited) == expected
    except yaml.YAMLError:
        understood = False
    if not understood:
        listed = ", ".join(wanted)
        raise UsageError(
            f"cannot add to `{_KEY}` in {file}: it is written in an unusual way", hint=f"add {listed} there"
        )
    return edited


def _insert(text: str, wanted: Sequence[str], default: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for key, value in pairs if key.value == _KEY), None)
    if not isinstance(node, yaml.SequenceNode):
        lines = "".join(f"  - {_quoted(entry)}{newline}" for entry in [*default, *wanted])
        gap = "" if text.endswith("\n") else newline
        return f"{text}{gap}{_KEY}:{newline}{lines}"
    if node.flow_style:
        items = ", ".join(map(_quoted, wanted))
        if not node.value:
            at = node.start_mark.index + 1
            return text[:at] + items + text[at:]
        at = node.value[-1].end_mark.index
        return f"{text[:at]}, {items}{text[at:]}"
    end = text.find("\n", node.value[-1].end_mark.index)
    indent = " " * node.start_mark.column
    added = newline.join(f"{indent}- {_quoted(entry)}" for entry in wanted)
    if end < 0:
        return f"{text}{newline}{added}{newline}"
    return f"{text[: end + 1]}{added}{newline}{text[end + 1 :]}"


def _quoted(entry: str) -> str:
    return f'"{entry}"' if ":" in entry or "*" in entry[:1] else entry
