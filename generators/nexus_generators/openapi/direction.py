"""What is only answered, or only sent: there, a property that is required one way is required."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from nexus_generators.openapi.model import (
    Alias,
    Api,
    Array,
    Declaration,
    Field,
    Map,
    Named,
    Nullable,
    Record,
    Type,
    Union,
)

MARK = "x-nexus-required"
"""Says of a property that is read only or write only that it is required where it travels."""


def directed(api: Api) -> Api:
    """The API where read-only properties of what is only answered are required; write-only ones likewise."""
    marked = any(f.one_way for d in api.declarations.values() if isinstance(d, Record) for f in d.fields)
    if not marked:
        return api
    sent = _reached(api.declarations, _sent(api))
    answered = _reached(api.declarations, _answered(api))
    made: dict[str, Declaration] = {}
    for key, found in api.declarations.items():
        if isinstance(found, Record):
            fields = (_field(f, sent=key in sent, answered=key in answered) for f in found.fields)
            made[key] = replace(found, fields=tuple(fields))
        else:
            made[key] = found
    return replace(api, declarations=made)


def _field(field: Field, *, sent: bool, answered: bool) -> Field:
    only = (field.read_only and answered and not sent) or (field.write_only and sent and not answered)
    return replace(field, required=True) if field.one_way and only else field


def _sent(api: Api) -> Iterator[Type]:
    for operation in api.operations:
        yield from (parameter.type for parameter in operation.parameters)
        yield from (body.type for body in operation.bodies)


def _answered(api: Api) -> Iterator[Type | None]:
    for operation in api.operations:
        yield from (answer.type for answer in operation.answers)
    for webhook in api.webhooks:
        yield from (body.type for body in webhook.bodies)


def _reached(declarations: Mapping[str, Declaration], types: Iterable[Type | None]) -> set[str]:
    """The keys of what types lead to."""
    seen: set[str] = set()
    stack = [type_ for type_ in types if type_ is not None]
    while stack:
        match stack.pop():
            case Named(key) if key not in seen:
                seen.add(key)
                found = declarations[key]
                if isinstance(found, Record):
                    stack.extend(field.type for field in found.fields)
                    stack.extend([found.extra] if found.extra is not None else [])
                elif isinstance(found, Alias):
                    stack.append(found.type)
            case Array(inner) | Map(inner) | Nullable(inner):
                stack.append(inner)
            case Union(variants=variants):
                stack.extend(variants)
            case _:
                pass
    return seen
