"""One case for each operation: what it is called with, what must go over the wire, what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from nexus_generators.openapi.document import Document
from nexus_generators.openapi.model import Answer, Api, Body, Operation, Parameter
from nexus_generators.openapi.sample import Sampler, Unsatisfiable, Valid

Faults = Callable[[str, Any], str]
"""What a value has against the schema at a pointer; the empty text means nothing."""

BYTES = "bytes of a file"


@dataclass(frozen=True, slots=True)
class Case:
    """A call of one operation; values are as JSON has them, files are texts."""

    operation: Operation
    arguments: Mapping[tuple[str, str], Any]
    body: Body | None
    body_value: Any
    status: int
    answer: Answer | None
    answer_value: Any
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Impossible:
    """An operation that the document itself makes impossible to try."""

    operation: Operation
    reason: str


class Cases:
    """Makes cases from the document, not from what was generated of it; `optional` parameters too, or not."""

    def __init__(
        self, document: Document, api: Api, valid: Valid, faults: Faults, *, optional: bool = True
    ) -> None:
        self._document = document
        self._api = api
        self._valid = valid
        self._faults = faults
        self._optional = optional

    def all(self) -> list[Case | Impossible]:
        """A case for each operation, or why there is none."""
        return [self.of(operation) for operation in self._api.operations]

    def of(self, operation: Operation) -> Case | Impossible:
        """The case of an operation, or why there is none."""
        try:
            return self._case(operation)
        except (Unsatisfiable, RecursionError) as error:
            return Impossible(operation, str(error))

    def _case(self, operation: Operation) -> Case:
        arguments: dict[tuple[str, str], Any] = {}
        for parameter in operation.parameters:
            if not (parameter.required or self._optional):
                continue
            value = self._argument(operation, parameter)
            if value is not None:
                arguments[parameter.location, parameter.name] = value
        body = operation.bodies[0] if operation.bodies else None
        value = self._body(body) if body is not None else None
        status, answer, answered = self._answer(operation)
        path, query, headers = wire(operation, arguments)
        return Case(operation, arguments, body, value, status, answer, answered, path, query, headers)

    def _argument(self, operation: Operation, parameter: Parameter) -> Any:
        said = self._said(operation, parameter)
        schema = said.get("schema")
        if schema is None and said.get("content"):
            schema = next(iter(said["content"].values())).get("schema", {})
        sampler = Sampler(self._document, self._valid, reading=False)
        try:
            value = sampler.of(schema)
        except Unsatisfiable as error:
            if parameter.required:
                raise Unsatisfiable(f"{parameter.name}: {error}") from None
            return None
        if value in (None, [], {}, "") and parameter.location == "path":
            return "text"
        return value

    def _said(self, operation: Operation, parameter: Parameter) -> Mapping[str, Any]:
        """The parameter as the document has it."""
        holder = self._document.resolve("#" + operation.pointer)
        item = self._document.resolve("#" + operation.pointer.rsplit("/", 1)[0])
        for entry in [*(holder.get("parameters") or []), *(item.get("parameters") or [])]:
            found: Mapping[str, Any] = self._document.deref(entry)
            if found["name"] == parameter.name and found["in"] == parameter.location:
                return found
        return {"schema": {"type": "string"}}

    def _body(self, body: Body) -> Any:
        if body.kind in {"text", "binary"}:
            return BYTES
        return self._value(body.pointer, "the body", reading=False, lines=body.kind == "jsonl")

    def _value(self, pointer: str, what: str, *, reading: bool, lines: bool = False) -> Any:
        said = self._at(pointer)
        key = "itemSchema" if "itemSchema" in said and (lines or "schema" not in said) else "schema"
        reasons = ""
        for full in (True, False):
            sampler = Sampler(self._document, self._valid, reading=reading, full=full)
            value = sampler.of(said.get(key))
            reasons = self._faults(f"{pointer}/{key}", value) if key in said else ""
            if not reasons:
                return [value, value] if lines and key == "itemSchema" else value
        raise Unsatisfiable(f"no example of {what} fits its schema: {reasons}")

    def _at(self, pointer: str) -> Mapping[str, Any]:
        """What stands at a pointer whose steps may be references."""
        value: Any = self._document.data
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            value = self._document.deref(value[int(name)] if isinstance(value, list) else value[name])
        found: Mapping[str, Any] = value
        return found

    def _answer(self, operation: Operation) -> tuple[int, Answer | None, Any]:
        answers = sorted(operation.good, key=lambda a: (a.kind != "json", a.kind == "none"))
        if not answers:
            return 200, None, None
        problem: Unsatisfiable | None = None
        for answer in answers:
            status = int(answer.status) if answer.status.isdigit() else 200
            status = max(status, 200)
            try:
                if answer.kind in {"json", "jsonl", "sse", "event"}:
                    lines = answer.kind != "json"
                    value = self._value(answer.pointer, "the answer", reading=True, lines=lines)
                    value = value if not lines or isinstance(value, list) else [value, value]
                    return status, answer, value
            except Unsatisfiable as error:
                problem = error
                continue
            return status, answer, None if answer.kind == "none" else BYTES
        raise problem or Unsatisfiable("there is no answer")


def wire(
    operation: Operation, arguments: Mapping[tuple[str, str], Any]
) -> tuple[str, tuple[tuple[str, str], ...], dict[str, str]]:
    """The path, the decoded query pairs and the headers that the document asks for."""
    path, query, headers, cookies = operation.route, [], {}, []
    for parameter in operation.parameters:
        key = parameter.location, parameter.name
        if key not in arguments:
            continue
        value = arguments[key]
        match parameter.location:
            case "path":
                path = path.replace("{" + parameter.name + "}", _in_path(parameter, value))
            case "header":
                headers[parameter.name.lower()] = _joined(parameter, value)
            case "cookie":
                cookies.extend(_pairs(parameter, value))
            case _:
                query.extend(_pairs(parameter, value))
    if cookies:
        headers["cookie"] = "; ".join(f"{quote(n)}={quote(v)}" for n, v in cookies)
    return path, tuple(query), headers


def text(value: Any) -> str:
    """A value as a parameter's text."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _list(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [part for key, item in value.items() for part in (key, text(item))]
    return [text(item) for item in value] if isinstance(value, list) else [text(value)]


def _joined(parameter: Parameter, value: Any) -> str:
    if parameter.json:
        return text(value)
    if isinstance(value, dict) and parameter.explode:
        return ",".join(f"{key}={text(item)}" for key, item in value.items())
    return ",".join(_list(value))


def _in_path(parameter: Parameter, value: Any) -> str:
    if parameter.json:
        return quote(text(value), safe="")
    if isinstance(value, dict) and parameter.explode:
        parts = [f"{quote(key, safe='')}={quote(text(item), safe='')}" for key, item in value.items()]
    else:
        parts = [quote(part, safe="") for part in _list(value)]
    if parameter.style == "label":
        return "." + ("." if parameter.explode else ",").join(parts)
    if parameter.style == "matrix":
        if not parameter.explode:
            return f";{parameter.name}={','.join(parts)}"
        named = parts if isinstance(value, dict) else [f"{parameter.name}={part}" for part in parts]
        return "".join(f";{part}" for part in named)
    return ",".join(parts)


def _pairs(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    if parameter.json:
        return [(parameter.name, text(value))]
    if parameter.style == "deepObject" and isinstance(value, dict):
        return _deep(parameter.name, value)
    if isinstance(value, dict):
        if parameter.explode:
            return [(key, text(item)) for key, item in value.items()]
        return [(parameter.name, ",".join(_list(value)))]
    if isinstance(value, list):
        if parameter.explode:
            return [(parameter.name, text(item)) for item in value]
        joint = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(parameter.style, ",")
        return [(parameter.name, joint.join(map(text, value)))]
    return [(parameter.name, text(value))]


def _deep(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _deep(f"{name}[{key}]", item)]
    if isinstance(value, list):
        return [(name, text(item)) for item in value]
    return [(name, text(value))]
