"""An API's reference as web pages: every operation with arguments, answers and an example, and every type.

Nothing is fetched from elsewhere, so that the pages open from a folder; texts of a document are never markup.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nexus_generators.docs import asset, page
from nexus_generators.generator import File, text
from nexus_generators.openapi.cases import Case, Impossible
from nexus_generators.openapi.model import (
    Alias,
    Answer,
    Api,
    Array,
    Choice,
    Constant,
    Declaration,
    Field,
    Map,
    Named,
    Nullable,
    Operation,
    Parameter,
    Record,
    Scalar,
    Type,
)
from nexus_generators.openapi.names import Names, kebab

Pieces = list[tuple[str, str]]
"""A type in pieces: what is read, and the key of the type that it leads to (none: the empty text)."""


def site(api: Api, case: Callable[[Operation], Case | Impossible], *, home: str = "") -> dict[str, File]:
    """The pages by path: an index, one for each group, one for all types, and what they look like.

    `home` leads from the index to the page of what serves the API.
    """
    groups = list(_groups(api, case))
    top: dict[str, Any] = {
        "title": api.title,
        "version": api.version,
        "doc": api.doc,
        "groups": groups,
        "home": home,
    }
    top |= {"servers": api.servers, "schemes": api.schemes}
    names = Names(kebab)
    anchors = {key: names.take(found.name) for key, found in api.declarations.items()}
    files = {
        "index.html": page("api.html", api=top, top=""),
        "types.html": page("api_types.html", api=top, top="", types=_types(api), anchors=anchors),
        "style.css": asset("style.css"),
        "filter.js": asset("filter.js"),
    }
    for group in groups:
        files[group["page"]] = page("api_group.html", api=top, top="../", group=group, anchors=anchors)
    return {path: text(content) for path, content in files.items()}


def _groups(api: Api, case: Callable[[Operation], Case | Impossible]) -> Iterator[dict[str, Any]]:
    by_tag: dict[str, list[Operation]] = {}
    for operation in api.operations:
        by_tag.setdefault(operation.group, []).append(operation)
    names = Names(kebab)
    for tag, operations in by_tag.items():
        anchors = Names(kebab)
        name = names.take(tag)
        shown = [_operation(api, one, anchors.take(one.name), case(one)) for one in operations]
        said = api.groups.get(tag, "")
        yield {"title": tag, "page": f"groups/{name}.html", "doc": said, "operations": shown}


def _operation(api: Api, operation: Operation, anchor: str, case: Case | Impossible) -> dict[str, Any]:
    known = case if isinstance(case, Case) else None
    security = operation.security if operation.security is not None else api.security
    return {
        "anchor": anchor,
        "name": operation.id or operation.name,
        "method": operation.method,
        "path": operation.route,
        "summary": operation.summary,
        "doc": operation.doc,
        "deprecated": operation.deprecated,
        "parameters": [_parameter(api, parameter) for parameter in operation.parameters],
        "bodies": [{"media": body.media, "type": pieces(api, body.type)} for body in operation.bodies],
        "body_required": operation.body_required,
        "answers": [_answer(api, answer) for answer in operation.answers],
        "security": [" and ".join(names) or "nothing" for names in security],
        "paging": operation.paging.style if operation.paging else "",
        "request": _json(known.body_value) if known and known.body and known.body.kind == "json" else "",
        "answer": _json(known.answer_value) if known and known.answer and known.answer.type else "",
        "status": known.status if known else 0,
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _parameter(api: Api, parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "location": parameter.location,
        "type": pieces(api, parameter.type),
        "required": parameter.required,
        "deprecated": parameter.deprecated,
        "default": "" if parameter.default is None else _json(parameter.default),
        "doc": parameter.doc,
    }


def _answer(api: Api, answer: Answer) -> dict[str, Any]:
    type_ = pieces(api, answer.type) if answer.type is not None else []
    return {"status": answer.status, "media": answer.media, "type": type_, "doc": answer.doc}


def _types(api: Api) -> list[dict[str, Any]]:
    return [_type(api, found) for found in sorted(api.declarations.values(), key=lambda d: d.name.lower())]


def _type(api: Api, found: Declaration) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": found.name, "anchor": found.key}
    shown |= {"doc": found.doc, "fields": [], "choices": [], "type": []}
    match found:
        case Record(fields=fields, extra=extra):
            shown["fields"] = [_field(api, field) for field in fields]
            shown["type"] = [("any other property is ", ""), *pieces(api, extra)] if extra else []
        case Choice(values=values):
            shown["choices"] = [_json(value) for value in values]
        case Alias(type=type_):
            shown["type"] = pieces(api, type_)
    return shown


def _field(api: Api, field: Field) -> Mapping[str, Any]:
    flags = {"read only": field.read_only, "write only": field.write_only, "deprecated": field.deprecated}
    return {
        "name": field.name,
        "type": pieces(api, field.type),
        "required": field.required,
        "default": "" if field.default is None else _json(field.default),
        "said": [word for word, holds in flags.items() if holds],
        "doc": field.doc,
    }


def pieces(api: Api, type_: Type) -> Pieces:
    """A type as a person reads it, with links to the types that it names."""
    match type_:
        case Scalar(kind):
            return [("anything" if kind == "any" else kind, "")]
        case Constant(value):
            return [(_json(value), "")]
        case Array(item):
            return [("list of ", ""), *pieces(api, item)]
        case Map(value):
            return [("map of ", ""), *pieces(api, value)]
        case Nullable(inner):
            return [*pieces(api, inner), (" or null", "")]
        case Named(key):
            return [(api.declarations[key].name, key)]
        case _:
            found: Pieces = []
            for variant in type_.variants:
                found += [(" or ", "")] if found else []
                found += pieces(api, variant)
            return found
