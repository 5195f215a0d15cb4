"""What holds for every list: filters and orders by the type of a field, in parts that fit together."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from nexus_cli.conformance import samples
from nexus_cli.conformance.clause import expect, require
from nexus_cli.conformance.rig import Rig, resources_with
from nexus_cli.conformance.samples import Resource

BOUNDED = ("int", "float", "money", "date", "datetime")
SORTABLE = (*BOUNDED, "string", "enum")
EQUAL = (*SORTABLE, "bool", "uuid", "ref")
_OWN = ("limit", "cursor", "sort")
_PROBLEM = "application/problem+json"
_HOLDS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
_MADE = 5
_LOW, _HIGH = 1, 3

Item = Mapping[str, Any]


def lists_are_filtered(rig: Rig) -> None:
    """`field=value` lists those that are equal, repeated those that are equal to any; all filters hold."""
    for resource in resources_with(rig.answers, "create", "list"):
        made, since = _made(rig, resource)
        for field in _fields(resource, EQUAL):
            name = field["name"]
            values = list(dict.fromkeys(_written(item[name]) for item in made if item[name] is not None))
            for wanted in (values[:1], values[:2]) if values else ():
                found = _listed(rig, resource, [*since, *((name, value) for value in wanted)])
                expected = [i["id"] for i in made if i[name] is not None and _written(i[name]) in wanted]
                expect(f"those whose {name} is {wanted}", [item["id"] for item in found], expected)
        expect("a filter that is empty of rows", _listed(rig, resource, [("created_at.lt", _EARLY)]), [])


def lists_are_bounded(rig: Rig) -> None:
    """`field.gt`, `.gte`, `.lt` and `.lte` bound numbers, amounts, days and moments."""
    resource = rig.pick("create", "list")
    made, since = _made(rig, resource)
    for field in _fields(resource, BOUNDED):
        name, read = field["name"], reader(field["type"])
        values = sorted(read(item[name]) for item in made if item[name] is not None)
        low, high = (_as_given(made, name, read, values[place]) for place in (_LOW, -2))
        for bound, limit in (("gte", low), ("gt", low), ("lte", high), ("lt", high)):
            holds = _HOLDS[bound]
            found = _listed(rig, resource, [*since, (f"{name}.{bound}", limit)])
            expected = [i["id"] for i in made if i[name] is not None and holds(read(i[name]), read(limit))]
            expect(f"those with {name}.{bound}={limit}", [item["id"] for item in found], expected)


def lists_are_sorted(rig: Rig) -> None:
    """`sort=field` and `sort=-field` order a list over all its parts: equals by age, what is empty last."""
    resource = rig.pick("create", "list")
    made, since = _made(rig, resource)
    fields = [*_fields(resource, SORTABLE), {"name": "created_at", "type": "datetime"}]
    for field in fields:
        name = field["name"]
        filled = sorted((i for i in made if i[name] is not None), key=partial(_key, field))
        empty = [item for item in made if item[name] is None]
        for sort, order in ((name, filled), (f"-{name}", _turned(filled, name))):
            seen = _walked(rig, resource, [*since, ("sort", sort)])
            expect(f"the order by {sort}", [i["id"] for i in seen], [i["id"] for i in [*order, *empty]])


def an_unknown_filter_is_refused(rig: Rig) -> None:
    """A parameter that a list does not know, or a value that does not fit, is a 422 that names it."""
    resource = rig.pick("create", "list")
    path = samples.path(resource)
    wrong = [
        ("no_such", "1"),
        ("sort", "no_such"),
        ("sort", "-"),
        ("cursor", "x"),
        ("created_at.gte", "soon"),
    ]
    wrong += [(field["name"], "x") for field in resource["fields"] if field["type"] in ("text", "json")]
    for field in _fields(resource, EQUAL):
        wrong += [(field["name"], "no-such-value")] if field["type"] != "string" else []
        wrong += [(field["name"], str(2**63))] if field["type"] == "int" else []
        wrong += [(f"{field['name']}.gte", "x")] if field["type"] not in ("date", "datetime") else []
    rig.created(resource), rig.created(resource)
    first = rig.service.get(f"{path}?limit=1&sort=created_at").json["next_cursor"]
    for name, value in [*wrong, ("cursor", first)]:
        answer = rig.service.get(f"{path}?{urlencode({name: value})}")
        what = f"GET {path}?{name}={value}"
        expect(what, (answer.status, answer.headers["content-type"]), (422, _PROBLEM))
        faults = [(fault["in"], fault["pointer"]) for fault in answer.json["errors"]]
        require(
            f"{what} names it", ("query", f"/{name}") in {(i, p[: len(name) + 1]) for i, p in faults}, faults
        )


def _key(field: Item, item: Item) -> Any:
    return reader(field["type"])(item[field["name"]])


def _turned(items: Sequence[Item], name: str) -> list[Item]:
    """The other way round, but those that are equal as they were."""
    groups = [list(group) for _, group in groupby(items, key=itemgetter(name))]
    return [item for group in reversed(groups) for item in group]


_EARLY = "2001-01-01T00:00:00Z"


def _made(rig: Rig, resource: Resource) -> tuple[list[Item], list[tuple[str, str]]]:
    """Some rows, the oldest first, one without what is optional; and a filter that leaves out older ones."""
    bodies = [rig.body(resource) for _ in range(_MADE)]
    optional = [field["name"] for field in resource["fields"] if field["optional"]]
    for name in optional:
        bodies[_HIGH].pop(name, None)
    flags = [field["name"] for field in resource["fields"] if field["type"] == "bool"]
    bodies[0] |= dict.fromkeys(flags, True)
    made = []
    for body in bodies:
        answer = rig.service.post(samples.path(resource), body)
        expect("the status", answer.status, 201)
        made.append(answer.json)
    return made, [("created_at.gte", made[0]["created_at"])]


def _fields(resource: Resource, types: Sequence[str]) -> list[Item]:
    """Its fields of these types that lists have a parameter for."""
    return [f for f in resource["fields"] if f["type"] in types and f["name"] not in _OWN]


def reader(kind: str) -> Callable[[Any], Any]:
    """How values of a type are compared."""
    readers: dict[str, Callable[[Any], Any]] = {"money": Decimal, "datetime": datetime.fromisoformat}
    return readers.get(kind, lambda value: value)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_given(made: Sequence[Item], name: str, read: Callable[[Any], Any], value: Any) -> Any:
    return next(i[name] for i in made if i[name] is not None and read(i[name]) == value)


def _listed(rig: Rig, resource: Resource, query: Sequence[tuple[str, Any]]) -> list[Item]:
    answer = rig.service.get(f"{samples.path(resource)}?{urlencode([*query, ('limit', 100)])}")
    expect(f"the status with {query}", answer.status, 200)
    items: list[Item] = answer.json["items"]
    return items


def _walked(rig: Rig, resource: Resource, query: Sequence[tuple[str, Any]]) -> list[Item]:
    """All items, two at a time."""
    seen: list[Item] = []
    cursor: list[tuple[str, Any]] = []
    while True:
        answer = rig.service.get(f"{samples.path(resource)}?{urlencode([*query, *cursor, ('limit', 2)])}")
        expect(f"the status with {query}", answer.status, 200)
        seen += answer.json["items"]
        require("the parts come to an end", len(seen) <= _MADE, seen)
        if answer.json["next_cursor"] is None:
            return seen
        cursor = [("cursor", answer.json["next_cursor"])]
