"""How lists go on: said by `x-nexus-paging`, or seen from parameters and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nexus_generators.openapi.document import Document
from nexus_generators.openapi.model import Api, Array, Nullable, Operation, Paging, Record, Scalar, Type
from nexus_generators.openapi.names import snake

_CURSORS = {"cursor", "page_token", "marker", "next_marker", "starting_after", "after", "next_token"}
_CURSORS_TOO = {"continuation_token", "start_cursor", "next_cursor", "next_page_token"}
_NEXTS = ("next_cursor", "next_page_token", "next_marker", "next_token", "next", "cursor", "marker")
_NEXTS_TOO = ("continuation_token", "end_cursor", "after", "last_id")
_URLS = ("next_page_uri", "next_page_url", "next_url", "next_link", "next_href")
_OFFSETS = {"offset", "skip", "start"}
_PAGES = {"page", "page_number", "page_index"}
_LISTS = ("items", "data", "results", "entries", "values", "records", "list", "content")
STYLES = ("cursor", "offset", "page", "url", "link")


def detect(api: Api, said: Mapping[str, Any], document: Document) -> Api:
    """The API with the paging of its operations."""
    operations = tuple(
        replace(op, paging=_counted(_paging(api, op, said[op.pointer], document), said[op.pointer], document))
        for op in api.operations
    )
    return replace(api, operations=operations)


def _paging(api: Api, operation: Operation, said: Mapping[str, Any], document: Document) -> Paging | None:
    answers = [answer for answer in operation.good if answer.kind == "json"]
    if len(answers) != 1 or len({a.kind for a in operation.good}) != 1 or answers[0].type is None:
        return None
    wanted = said.get("x-nexus-paging")
    if wanted is False:
        return None
    if isinstance(wanted, Mapping):
        return _said(api, answers[0].type, wanted)
    if operation.method != "GET":
        return None
    plain = api.plain(answers[0].type)
    names = {snake(p.name): p.name for p in operation.parameters if p.location == "query"}
    if isinstance(plain, Array):
        if _links(operation, said, document):
            return Paging("link", plain.item)
        page = next((names[name] for name in names if name in _PAGES), "")
        return Paging("page", plain.item, (), page) if page else None
    record = api.record(answers[0].type)
    return _of_record(api, record, names) if record is not None else None


def _counted(paging: Paging | None, said: Mapping[str, Any], document: Document) -> Paging | None:
    """The paging with the number of its first page: what is said, the default, 0 where that is the least."""
    if paging is None or paging.style != "page":
        return paging
    wanted = said.get("x-nexus-paging")
    numbers = [wanted.get("first")] if isinstance(wanted, Mapping) else []
    for entry in said.get("parameters") or []:
        parameter = document.deref(entry)
        if parameter.get("name") == paging.parameter and parameter.get("in") == "query":
            schema = document.deref(parameter.get("schema"))
            if isinstance(schema, Mapping):
                numbers += [schema.get("default"), 0 if schema.get("minimum") == 0 else None]
    first = next((number for number in numbers if type(number) is int), 1)
    return replace(paging, first=first)


def _links(operation: Operation, said: Mapping[str, Any], document: Document) -> bool:
    status = operation.good[0].status
    response = document.deref((said.get("responses") or {}).get(status, {}))
    return any(name.lower() == "link" for name in response.get("headers") or {})


def _of_record(api: Api, record: Record, names: Mapping[str, str]) -> Paging | None:
    lists = {
        field.name: plain.item
        for field in record.fields
        if isinstance(plain := _bare(api, field.type), Array)
    }
    items = next((name for name in _LISTS if name in lists), next(iter(lists)) if len(lists) == 1 else "")
    if not items:
        return None
    fields = {snake(field.name): field for field in record.fields}
    url = next((fields[name].name for name in _URLS if name in fields and _texty(api, fields[name].type)), "")
    if url:
        return Paging("url", lists[items], (items,), "", (url,))
    cursor = next((names[name] for name in names if name in _CURSORS | _CURSORS_TOO), "")
    after = next((n for n in (*_NEXTS, *_NEXTS_TOO) if n in fields and _texty(api, fields[n].type)), "")
    if cursor and after:
        return Paging("cursor", lists[items], (items,), cursor, (fields[after].name,))
    for style, known in (("offset", _OFFSETS), ("page", _PAGES)):
        counter = next((names[name] for name in names if name in known), "")
        if counter:
            return Paging(style, lists[items], (items,), counter)  # type: ignore[arg-type]
    return None


def _bare(api: Api, type_: Type) -> Type:
    plain = api.plain(type_)
    return api.plain(plain.inner) if isinstance(plain, Nullable) else plain


def _texty(api: Api, type_: Type) -> bool:
    plain = _bare(api, type_)
    return isinstance(plain, Scalar) and plain.kind in {"string", "integer", "number"}


def _said(api: Api, answer: Type, wanted: Mapping[str, Any]) -> Paging | None:
    """`x-nexus-paging: {style: cursor, parameter: after, next: meta.next, items: data}`."""
    style = wanted.get("style")
    items = tuple(part for part in str(wanted.get("items", "")).split(".") if part)
    after = tuple(part for part in str(wanted.get("next", "")).split(".") if part)
    found: Type = answer
    for name in items:
        record = api.record(found)
        field = next((f for f in record.fields if f.name == name), None) if record else None
        if field is None:
            return None
        found = field.type
    plain = _bare(api, found)
    if style not in STYLES or not isinstance(plain, Array):
        return None
    return Paging(style, plain.item, items, str(wanted.get("parameter", "")), after)
