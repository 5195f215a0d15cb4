"""One call of each group that is simple enough to be read: what READMEs show, and what clients' own tests try."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nexus_generators.openapi.cases import Case, Impossible, wire
from nexus_generators.openapi.model import (
    Api,
    Array,
    Body,
    Choice,
    Constant,
    Named,
    Operation,
    Record,
    Scalar,
    Type,
)

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_PLAIN = {"string", "integer", "number", "boolean", "date", "date-time", "uuid", "binary"}
_CONTENTS = {"binary", "text"}
_FORMS = {"multipart", "form"}
_DEEPEST = 5
_TRIED = 5
_TESTED = 10


class Complicated(Exception):
    """A value that a language has no short way to write."""


@dataclass(frozen=True, slots=True)
class Example:
    """A call with what it needs and no more, what goes over the wire, and what is answered (none: no body).

    `tried`: it is simple enough for the client's own tests, too.
    """

    operation: Operation
    arguments: Mapping[tuple[str, str], Any]
    body: Any
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    answer: Any
    answers: bool
    tried: bool = True


def choose(api: Api, case: Callable[[Operation], Case | Impossible]) -> dict[str, Example]:
    """An example for each tag: of a simple operation, else of one that takes files or answers with a stream."""
    found: dict[str, Example] = {}
    for fits, tried in ((_simple, True), (_readable, False)):
        by_tag: dict[str, list[Operation]] = {}
        for operation in api.operations:
            if operation.group not in found and fits(api, operation):
                by_tag.setdefault(operation.group, []).append(operation)
        for tag, operations in by_tag.items():
            likely = sorted(operations, key=_weight)[:_TRIED]
            made = next((one for op in likely if (one := _example(api, case(op))) is not None), None)
            if made is not None:
                found[tag] = replace(made, tried=tried)
    return found


def content(body: Body) -> Type:
    """The type of a body, also where it is none of the document's: a text, or what a file holds."""
    return Scalar("binary" if body.kind == "binary" else "string") if body.kind in _CONTENTS else body.type


def tested(examples: Mapping[str, Example]) -> list[Example]:
    """What a client's own tests try: a few, for the gate tries all; none that has a server of its own."""
    return [one for one in examples.values() if one.tried and not one.operation.servers][:_TESTED]


def _weight(operation: Operation) -> tuple[bool, bool, bool, bool, int]:
    needed = [parameter for parameter in operation.parameters if parameter.required]
    answers = any(answer.kind == "json" for answer in operation.good)
    silent = bool(operation.bodies) and not operation.body_required
    return operation.deprecated, not answers, silent, operation.method != "GET", len(needed)


def _simple(api: Api, operation: Operation) -> bool:
    if operation.streams or not _asked(api, operation, {"json"}):
        return False
    kinds = {answer.kind for answer in operation.good}
    return "json" in kinds or kinds <= {"none"}


def _readable(api: Api, operation: Operation) -> bool:
    return _asked(api, operation, {"json", *_FORMS, *_CONTENTS})


def _asked(api: Api, operation: Operation, kinds: Collection[str]) -> bool:
    """Whether all that the operation has to be given is plain, its body of one of the kinds."""
    needed = [parameter for parameter in operation.parameters if parameter.required]
    if any(p.json or p.style not in {"simple", "form"} or not _plain(api, p.type) for p in needed):
        return False
    body = operation.bodies[0] if operation.bodies and operation.body_required else None
    if body is not None and (
        body.kind not in kinds or not (body.kind in _CONTENTS or _plain(api, body.type))
    ):
        return False
    return operation.method in _METHODS


def _plain(api: Api, type_: Type, depth: int = 0) -> bool:
    """Whether a value of the type can be written so that it is read at a glance."""
    match api.plain(type_):
        case Scalar(kind):
            return kind in _PLAIN
        case Constant():
            return True
        case Array(item):
            return _plain(api, item, depth + 1)
        case Named(key):
            found = api.declarations[key]
            if isinstance(found, Record):
                needed = [f for f in found.fields if f.required and not f.read_only]
                return depth < _DEEPEST and all(_plain(api, f.type, depth + 1) for f in needed)
            return isinstance(found, Choice)
    return False


def _example(api: Api, case: Case | Impossible) -> Example | None:
    if isinstance(case, Impossible):
        return None
    operation = case.operation
    needed: set[tuple[str, str]] = {(p.location, p.name) for p in operation.parameters if p.required}
    arguments = {where: value for where, value in case.arguments.items() if where in needed}
    if len(arguments) != len(needed):
        return None
    wanted = bool(operation.bodies) and operation.body_required
    body = pruned(api, operation.bodies[0].type, case.body_value) if wanted else None
    path, query, _ = wire(operation, arguments)
    answers = case.answer is not None and case.answer.kind == "json"
    return Example(operation, arguments, body, path, query, case.status, case.answer_value, answers)


def pruned(api: Api, type_: Type, value: Any) -> Any:
    """A value without what may be left out."""
    plain = api.plain(type_)
    if isinstance(plain, Array) and isinstance(value, list):
        return [pruned(api, plain.item, item) for item in value[:1]]
    record = api.record(plain)
    if record is None or not isinstance(value, dict):
        return value
    needed = [f for f in record.fields if f.required and f.name in value]
    return {f.name: pruned(api, f.type, value[f.name]) for f in needed}
