"""A document as an API: every operation with its parameters, bodies, answers, paging and authentication."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any

from nexus_generators.openapi.direction import directed
from nexus_generators.openapi.document import Document
from nexus_generators.openapi.model import (
    Answer,
    Api,
    Body,
    BodyKind,
    Operation,
    Parameter,
    Scheme,
    Server,
    Type,
    Webhook,
)
from nexus_generators.openapi.names import kebab
from nexus_generators.openapi.paging import detect
from nexus_generators.openapi.parse import pointer
from nexus_generators.openapi.types import ANY, STRING, Types

_MOST_SERVERS = 20  # of one address, where its variables have values to choose from
_IGNORED_HEADERS = {"accept", "content-type", "authorization"}
_STYLES = {"form", "simple", "label", "matrix", "spaceDelimited", "pipeDelimited", "deepObject"}
_JSON = re.compile(r"^(application|text)/(json|[\w.+-]*\+json|vnd\+json|x-json)$")
_LINES = {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"}
_EVENT = {"data", "event", "id", "retry"}
_LINES_TOO = {"application/x-jsonlines", "application/json-seq", "application/jsonlines"}


def build(document: Document) -> Api:
    """The API that a document describes."""
    builder = _Builder(document)
    operations = tuple(builder.operations())
    webhooks = tuple(builder.webhooks())
    for name in document.schemas:
        builder.types.named_schema(name)
    data, info = document.data, document.data["info"]
    api = Api(
        title=info["title"],
        version=info["version"],
        doc=_text(info, "description"),
        licence=_text(info.get("license"), "name"),
        servers=_servers(data.get("servers")),
        schemes=tuple(_schemes(data["components"]["securitySchemes"], document)),
        security=_security(data.get("security")) or (),
        operations=operations,
        declarations=builder.types.declarations(),
        groups=_groups(data.get("tags")),
        webhooks=webhooks,
    )
    return detect(
        directed(api), {op.pointer: document.deref(_at(document, op)) for op in operations}, document
    )


def media_kind(media: str) -> BodyKind:
    """How bodies of a media type are written and read."""
    name = media.split(";", maxsplit=1)[0].strip().lower()
    if _JSON.match(name):
        return "json"
    if name in _LINES | _LINES_TOO:
        return "jsonl"
    if name == "text/event-stream":
        return "sse"
    if name == "application/x-www-form-urlencoded":
        return "form"
    if name.startswith("multipart/"):
        return "multipart"
    if name.startswith("text/") or name.endswith(("/xml", "+xml", "/yaml", "+yaml")):
        return "text"
    return "binary"


def _at(document: Document, operation: Operation) -> Any:
    return document.resolve("#" + operation.pointer)


def _text(holder: Any, name: str) -> str:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, str) else ""


def _servers(found: Any) -> tuple[Server, ...]:
    servers = [s for s in found if isinstance(s, dict)] if isinstance(found, list) else []
    result = []
    for server in servers:
        variables = server.get("variables")
        named = variables.items() if isinstance(variables, dict) else ()
        choices = [[(str(n), value) for value in _values(v)] for n, v in named if isinstance(v, dict)]
        every = product(*choices) if prod(map(len, choices)) <= _MOST_SERVERS else [[c[0] for c in choices]]
        url, said = _text(server, "url") or "/", _text(server, "description")
        result += [Server(url, said, tuple(values)) for values in every]
    return tuple(result)


def _values(variable: Mapping[str, Any]) -> list[str]:
    """The values that a part of an address can have, the default first."""
    listed = variable.get("enum")
    return list(
        dict.fromkeys(map(str, [variable.get("default", ""), *(listed if isinstance(listed, list) else ())]))
    )


def _security(found: Any) -> tuple[tuple[str, ...], ...] | None:
    if not isinstance(found, list):
        return None
    return tuple(tuple(map(str, entry)) for entry in found if isinstance(entry, dict))


def _groups(tags: Any) -> dict[str, str]:
    found = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    return {str(tag.get("name", "")): _text(tag, "description") or _text(tag, "summary") for tag in found}


def _schemes(found: Mapping[str, Any], document: Document) -> Iterator[Scheme]:
    for key, value in found.items():
        said = document.deref(value)
        if not isinstance(said, dict):
            continue
        doc, kind, scheme = _text(said, "description"), said.get("type"), _text(said, "scheme").lower()
        if kind == "apiKey":
            yield Scheme(key, "api-key", _text(said, "in") or "header", _text(said, "name") or key, doc=doc)
        elif kind == "http" and scheme in {"basic", "bearer"}:
            yield Scheme(key, "basic" if scheme == "basic" else "bearer", doc=doc)
        elif kind in {"oauth2", "openIdConnect"}:
            flows = said.get("flows")
            flow = flows.get("clientCredentials") if isinstance(flows, dict) else None
            scopes = flow.get("scopes") if isinstance(flow, dict) else None
            names = tuple(scopes) if isinstance(scopes, dict) else ()
            yield Scheme(key, "oauth2", token_url=_text(flow, "tokenUrl"), scopes=names, doc=doc)
        else:
            yield Scheme(key, "other", doc=doc)


class _Builder:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.types = Types(document)

    def operations(self) -> Iterator[Operation]:
        for path, method, said, item in self.document.operations():
            extra = "/additionalOperations" if method not in item else ""
            place = f"{pointer(['paths', path])}{extra}{pointer([method])}"
            if "$ref" in self.document.data["paths"][path]:
                place = f"{self.document.data['paths'][path]['$ref'][1:]}{extra}{pointer([method])}"
            yield self._operation(path, method, said, item, place)

    def webhooks(self) -> Iterator[Webhook]:
        found = self.document.data.get("webhooks")
        for name, item in found.items() if isinstance(found, dict) else ():
            for method, operation in self.document.deref(item).items():
                body = operation.get("requestBody") if isinstance(operation, dict) else None
                if isinstance(body, dict):
                    bodies = tuple(self._bodies(body, f"{name} webhook", ""))
                    yield Webhook(str(name), str(method), bodies)

    def _operation(
        self, path: str, method: str, said: Mapping[str, Any], item: Mapping[str, Any], place: str
    ) -> Operation:
        tags = [tag for tag in said.get("tags") or [] if isinstance(tag, str) and tag.strip()]
        parts = [part for part in path.split("/") if part and not part.startswith("{")]
        group = tags[0] if tags else parts[0] if parts else "api"
        identity = _text(said, "operationId")
        name = _without_path(identity, method, path) or _named_by_path(method, path)
        if "/" in name and kebab(name.split("/")[0]) == kebab(group):
            name = name.split("/", 1)[1] or name
        body = self.document.deref(said.get("requestBody") or {})
        return Operation(
            id=identity,
            method=method.upper(),
            path=path,
            group=group,
            name=name,
            summary=_text(said, "summary"),
            doc=_text(said, "description"),
            deprecated=said.get("deprecated") is True,
            parameters=tuple(self._parameters(path, said, item, name)),
            bodies=tuple(self._bodies(body, f"{name} Request", place)),
            body_required=body.get("required") is True,
            answers=tuple(self._answers(said, name, place)),
            security=_security(said.get("security")),
            servers=self._own_servers(said.get("servers") or item.get("servers")),
            paging=None,
            pointer=place,
        )

    def _own_servers(self, said: Any) -> tuple[Server, ...]:
        """Where an operation is, if that is elsewhere: repeating the document's server says nothing."""
        found, usual = _servers(said), _servers(self.document.data.get("servers"))
        return () if found and usual and found[0].address == usual[0].address else found

    def _parameters(
        self, path: str, said: Mapping[str, Any], item: Mapping[str, Any], name: str
    ) -> Iterator[Parameter]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in [*(item.get("parameters") or []), *(said.get("parameters") or [])]:
            parameter = self.document.deref(entry)
            found[parameter["in"], parameter["name"]] = parameter
        in_path = re.findall(r"\{([^{}]*)\}", path)
        for missing in dict.fromkeys(in_path):
            found.setdefault(
                ("path", missing),
                {"name": missing, "in": "path", "required": True, "schema": {"type": "string"}},
            )
        order = {wanted: number for number, wanted in enumerate(in_path)}
        for (location, wire), parameter in sorted(
            found.items(), key=lambda pair: order.get(pair[0][1], 999) if pair[0][0] == "path" else 1000
        ):
            if location == "header" and wire.lower() in _IGNORED_HEADERS:
                continue
            if location == "path" and wire not in order:
                continue
            yield self._parameter(wire, location, parameter, f"{name} {wire}")

    def _parameter(self, wire: str, location: Any, said: Mapping[str, Any], hint: str) -> Parameter:
        content = said.get("content") or {}
        media = next(iter(content), "")
        schema = content[media].get("schema") if media else said.get("schema")
        usual = "form" if location in {"query", "cookie", "querystring"} else "simple"
        style = str(said.get("style"))
        style = style if style in _STYLES else usual
        default = schema.get("default") if isinstance(schema, dict) else None
        return Parameter(
            name=wire,
            location=location,
            type=self.types.of(schema, hint),
            required=said.get("required") is True,
            style=style,
            explode=bool(said.get("explode", style == "form")),
            allow_reserved=said.get("allowReserved") is True,
            json=media_kind(media) == "json" if media else False,
            doc=_text(said, "description"),
            default=default,
            deprecated=said.get("deprecated") is True,
        )

    def _bodies(self, body: Mapping[str, Any], hint: str, place: str) -> Iterator[Body]:
        content = self.document.deref(body).get("content") or {}
        usual = {"json": 0, "multipart": 1, "form": 2, "text": 3}
        ordered = sorted(content.items(), key=lambda pair: usual.get(media_kind(pair[0]), 4))
        for media, said in ordered:
            kind = media_kind(media)
            schema = said.get("schema", said.get("itemSchema") if kind == "jsonl" else {})
            type_: Type = STRING if kind == "text" else ANY
            if kind in {"json", "jsonl", "form", "multipart"}:
                name = hint if len(content) == 1 or kind == "json" else f"{hint} {kind}"
                type_ = self.types.of(schema, name, form=kind == "multipart")
            encoding = said.get("encoding") if isinstance(said.get("encoding"), dict) else {}
            parts = tuple((str(n), _text(e, "contentType")) for n, e in encoding.items())
            json_parts = tuple(n for n, m in parts if media_kind(m) == "json")
            yield Body(
                media, kind, type_, json_parts, parts, f"{place}/requestBody{pointer(['content', media])}"
            )

    def _answers(self, said: Mapping[str, Any], name: str, place: str) -> Iterator[Answer]:
        several = len(said["responses"]) > 1
        for status, entry in said["responses"].items():
            if str(status).startswith("x-"):
                continue
            response = self.document.deref(entry)
            doc = _text(response, "description")
            where = f"{place}{pointer(['responses', status])}"
            if not response.get("content"):
                yield Answer(str(status), "", "none", None, doc, where)
            for media, value in (response.get("content") or {}).items():
                kind = media_kind(media)
                schema = value.get("itemSchema") or value.get("schema")
                suffix = "" if str(status).startswith("2") or not several else f" {status}"
                type_: Type | None = None
                if kind == "sse" and self._is_event(value.get("itemSchema")):
                    kind = "event"
                if kind in {"json", "jsonl", "sse", "event"}:
                    type_ = self.types.of(schema, f"{name} Response{suffix}")
                yield Answer(str(status), media, kind, type_, doc, f"{where}{pointer(['content', media])}")

    def _is_event(self, schema: Any) -> bool:
        """Whether a stream's items are events as a whole, as OpenAPI 3.2 has them, not what is in `data`."""
        found = self.document.deref(schema) if isinstance(schema, dict) else {}
        properties = found.get("properties") if isinstance(found, dict) else None
        return isinstance(properties, dict) and "data" in properties and properties.keys() <= _EVENT


def _without_path(identity: str, method: str, path: str) -> str:
    """`list_items` of `list_items_api_v1_items_get`: FastAPI tells functions of one name apart by that."""
    return identity.removesuffix(re.sub(r"\W", "_", path) + f"_{method}") or identity


def _named_by_path(method: str, path: str) -> str:
    """`get_pets_by_id` of GET /pets/{id}."""
    parts = [part for part in path.split("/") if part]
    named = " ".join(f"by {part.strip('{}')}" if part.startswith("{") else part for part in parts)
    return f"{method} {named or 'root'}"
