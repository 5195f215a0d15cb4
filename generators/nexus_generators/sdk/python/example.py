"""Calls of the Python client with values written out, and its own tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nexus_generators.openapi.model import Api, Array, Choice, Named, Record, Scalar, Type
from nexus_generators.sdk.examples import Example, content, tested
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.python.names import arguments, fields, members
from nexus_generators.sdk.python.project import imports
from nexus_generators.sdk.python.text import literal

_TESTS = Path(__file__).resolve().parent / "tests"
_PARSED = {
    "date": "datetime.date.fromisoformat({})",
    "date-time": "datetime.datetime.fromisoformat({})",
    "uuid": "uuid.UUID({})",
}


def value(api: Api, naming: Naming, type_: Type, given: Any) -> str:
    """An expression for a value."""
    plain = api.plain(type_)
    if isinstance(plain, Scalar) and plain.kind in _PARSED:
        return _PARSED[plain.kind].format(literal(given))
    if isinstance(plain, Array):
        return f"[{', '.join(value(api, naming, plain.item, item) for item in given)}]"
    if plain == Scalar("binary"):
        plain_text = given.isascii() and given.isprintable()
        return f"b{literal(given)}" if plain_text else f"{literal(given)}.encode()"
    found = api.declarations[plain.key] if isinstance(plain, Named) else None
    if isinstance(found, Choice) and given in found.values:
        return f"models.{naming.classes[found.key]}.{members(found)[given]}"
    if isinstance(found, Record):
        names, types = fields(found), {field.name: field.type for field in found.fields}
        told = {n: v for n, v in given.items() if v != api.only_value(types[n])}  # the others tell themselves
        pairs = (f"{names[n]}={value(api, naming, types[n], v)}" for n, v in told.items())
        return f"models.{naming.classes[found.key]}({', '.join(pairs)})"
    return literal(given)


def call(api: Api, naming: Naming, example: Example) -> str:
    """The call of an example, by the name `client`."""
    operation, group = example.operation, naming.groups[example.operation.group]
    names = arguments(operation)
    types: dict[tuple[str, str], Type] = {(p.location, p.name): p.type for p in operation.parameters}
    given = {
        where: value(api, naming, types[where], argument) for where, argument in example.arguments.items()
    }
    parts = [text for (location, _), text in given.items() if location == "path"]
    if operation.bodies and operation.body_required:
        type_ = content(operation.bodies[0])
        parts.append(value(api, naming, type_, example.body))
    parts += [f"{names[where]}={text}" for where, text in given.items() if where[0] != "path"]
    return f"client.{group.attribute}.{group.methods[operation.pointer]}({', '.join(parts)})"


def tests(api: Api, naming: Naming, package: Package, examples: Mapping[str, Example]) -> dict[str, str]:
    """The client's own tests; none where no operation is simple enough."""
    chosen = tested(examples)
    if not chosen:
        return {}
    body = "\n".join(line for example in chosen for line in _test(api, naming, example))
    first = call(api, naming, chosen[0])
    body += f"""

def test_what_fails_for_a_while_is_tried_again(server: Server, client: Client) -> None:
    server.replies = [Reply(503, headers={{"Retry-After": "0"}}), {_reply(chosen[0])}]
    {first}
    assert len(server.requests) == 2


def test_what_is_not_there_is_an_error_of_its_own(server: Server, client: Client) -> None:
    server.replies = [Reply(404, {{"message": "gone"}})]
    with pytest.raises(NotFoundError) as caught:
        {first}
    assert caught.value.status == 404
"""
    head = ['"""The client against a server on this machine, which answers with examples of the API."""', ""]
    head += ["from __future__ import annotations", ""]
    found = list(imports(body, package, "Client", "NotFoundError"))
    head += [
        *found[:-1],
        "import pytest",
        found[-1],
        "",
        "from .server import Reply, Server, plain",
        "",
        "",
    ]
    return {
        "tests/__init__.py": "",
        "tests/conftest.py": _shared("conftest").replace("PACKAGE", package.module),
        "tests/server.py": _shared("server"),
        "tests/test_client.py": "\n".join(head) + body,
    }


def _shared(name: str) -> str:
    return (_TESTS / f"{name}.py.txt").read_text(encoding="utf-8")


def _reply(example: Example) -> str:
    return (
        f"Reply({example.status}, {literal(example.answer)})"
        if example.answers
        else f"Reply({example.status})"
    )


def _test(api: Api, naming: Naming, example: Example) -> Iterator[str]:
    operation, group = example.operation, naming.groups[example.operation.group]
    yield f"def test_{group.module}_{group.methods[operation.pointer]}(server: Server, client: Client) -> None:"
    yield f"    server.replies = [{_reply(example)}]"
    yield f"    {'found = ' if example.answers else ''}{call(api, naming, example)}"
    yield "    request = server.requests[0]"
    expected = f"({literal(operation.method)}, {literal(example.path)})"
    yield f"    assert (request.method, request.path) == {expected}"
    yield f"    assert request.query == {literal(list(example.query))}"
    if operation.bodies and operation.body_required:
        yield f"    assert request.json() == {literal(json.loads(json.dumps(example.body)))}"
    if example.answers:
        yield f"    assert plain(found) == {literal(example.answer)}"
    yield from ("", "")
