"""References to other files and addresses: what they lead to becomes part of the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nexus_cli.errors import UsageError
from nexus_generators.openapi.parse import Parsed, parse

KEY = "x-bundled"
_MOST = 200


def bundled(
    data: dict[str, Any], parsed: Parsed, fetch: Callable[[str, str], tuple[str, str]] | None
) -> dict[str, Any]:
    """The data with every outside reference turned into one below `x-bundled`."""
    here = parsed.name
    known: dict[str, str] = {here: ""}
    parts: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [(here, data)]
    while waiting:
        base, part = waiting.pop()
        for holder in _references(part):
            ref: str = holder["$ref"]
            place, _, inside = ref.partition("#")
            if not place and base == here:
                continue
            name = base
            if place:
                if fetch is None:
                    raise UsageError(
                        f"{base}: refers to {ref!r} outside the document", hint="give the document as a file"
                    )
                name, text = fetch(place, base)
                if name not in known:
                    if len(known) > _MOST:
                        raise UsageError(f"{here}: refers to more than {_MOST} other documents")
                    key = str(len(parts))
                    known[name] = f"/{KEY}/{key}"
                    parts[key] = parse(text, name).data
                    waiting.append((name, parts[key]))
            holder["$ref"] = f"#{known[name]}{inside}"
    if parts:
        data[KEY] = parts
    return data


_NESTED = (dict, list)
_EXAMPLES = {"example", "examples", "enum"}


def _references(value: Any) -> Iterator[dict[str, Any]]:
    stack, seen = [value], set()
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part.get("$ref"), str):
                yield part
            for key, item in part.items():
                if isinstance(item, _NESTED) and key not in _EXAMPLES:
                    stack.append(item)
        elif isinstance(part, list):
            stack.extend(part)
