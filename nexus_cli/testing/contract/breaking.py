"""What a new version of a service takes away from those that call it, by comparing its two documents; pure.

The last released document lies in `tests/contract/NAME.json`, under version control.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nexus_cli.errors import UsageError
from nexus_cli.testing.case import Case
from nexus_cli.testing.run import Asked
from nexus_cli.workspace import write_atomic

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_DEPTH = 12
Document = Mapping[str, Any]


def check(asked: Asked, name: str, document: Document) -> Iterator[Case]:
    """What the service breaks of its last document; with --accept, the new one becomes the last one."""
    path = asked.workspace.root / "tests" / "contract" / f"{name}.json"
    if asked.accept:
        write_atomic(path, json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    if not path.is_file():
        return
    try:
        last = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", hint="nexus test -t contract --accept") from error
    faults = list(broken(last, document))
    yield Case(
        "contract",
        name,
        "keeps what its last document promises",
        "failed" if faults else "passed",
        message=faults[0] if faults else "",
        detail="\n".join([*faults, "", "If it is meant: nexus test -t contract --accept"]) if faults else "",
        file=str(path.relative_to(asked.workspace.root)),
    )


def broken(last: Document, new: Document) -> Iterator[str]:
    """What those who rely on the last document lose, in sentences."""
    for path, operations in last["paths"].items():
        for method in (name for name in _METHODS if name in operations):
            name = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{name} is gone"
            else:
                yield from _operation(name, (last, operations[method]), (new, now))


def _operation(name: str, last: tuple[Document, Any], new: tuple[Document, Any]) -> Iterator[str]:
    known = {(p["name"], p["in"]) for p in _parameters(last)}
    for parameter in _parameters(new):
        if parameter.get("required") and (parameter["name"], parameter["in"]) not in known:
            yield f"{name} demands the {parameter['in']} parameter {parameter['name']}"
    before, after = _body(*last), _body(*new)
    if after is not None and before is not None:
        yield from _asked(name, (last[0], before), (new[0], after))
    for status, answer in last[1].get("responses", {}).items():
        now = new[1].get("responses", {}).get(status)
        if now is None:
            if status.startswith("2"):
                yield f"{name} answers no {status} any more"
            continue
        was, is_ = _content(last[0], answer), _content(new[0], now)
        if was is not None and is_ is not None:
            yield from _given(f"{name} {status}", (last[0], was), (new[0], is_), _DEPTH)


def _asked(name: str, last: tuple[Document, Any], new: tuple[Document, Any]) -> Iterator[str]:
    """A body may not have to hold more than before."""
    was, is_ = _resolved(*last), _resolved(*new)
    for field in is_.get("required", []):
        if field not in was.get("required", []):
            yield f"{name} demands {field} in the body"
    for field, schema in was.get("properties", {}).items():
        now = is_.get("properties", {}).get(field)
        if now is not None:
            lost = _types(last[0], schema) - _types(new[0], now)
            if lost:
                yield f"{name} takes no {' or '.join(sorted(lost))} as {field} any more"


def _given(place: str, last: tuple[Document, Any], new: tuple[Document, Any], depth: int) -> Iterator[str]:
    """An answer may not hold less than before, nor something else."""
    was, is_ = _resolved(*last), _resolved(*new)
    if depth == 0:
        return
    for field, schema in was.get("properties", {}).items():
        now = is_.get("properties", {}).get(field)
        if now is None:
            yield f"{place}: {field} is gone"
            continue
        more = _types(new[0], now) - _types(last[0], schema)
        if more:
            yield f"{place}: {field} can be {' or '.join(sorted(more))} now"
        yield from _given(f"{place}: {field}", (last[0], schema), (new[0], now), depth - 1)
    if "items" in was and "items" in is_:
        yield from _given(place, (last[0], was["items"]), (new[0], is_["items"]), depth - 1)


def _parameters(operation: tuple[Document, Any]) -> Iterator[Any]:
    document, said = operation
    for parameter in said.get("parameters", []):
        yield _resolved(document, parameter)


def _body(document: Document, operation: Any) -> Any:
    return _content(document, operation["requestBody"]) if "requestBody" in operation else None


def _content(document: Document, holder: Any) -> Any:
    """The schema of JSON in a body or answer."""
    content = _resolved(document, holder).get("content", {})
    return next((media.get("schema") for name, media in content.items() if "json" in name), None)


def _types(document: Document, schema: Any) -> set[str]:
    """The types that a value can have; none where any is right."""
    said = _resolved(document, schema)
    found: set[str] = set()
    for key in ("anyOf", "oneOf"):
        for option in said.get(key, []):
            found |= _types(document, option)
    kind = said.get("type")
    return found | (set(kind) if isinstance(kind, list) else {kind} if kind else set())


def _resolved(document: Document, schema: Any) -> Any:
    """A schema, behind the references to it."""
    for _ in range(_DEPTH):
        ref = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(ref, str) or not ref.startswith("#/"):
            break
        schema = document
        for part in ref[2:].split("/"):
            schema = schema.get(part.replace("~1", "/").replace("~0", "~"), {})
    return schema if isinstance(schema, dict) else {}
