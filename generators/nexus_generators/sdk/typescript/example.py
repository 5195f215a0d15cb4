"""Calls of the TypeScript client with values written out, and its own tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_generators.openapi.model import Api
from nexus_generators.sdk.examples import Example, tested
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.typescript.driver import body
from nexus_generators.sdk.typescript.names import arguments
from nexus_generators.sdk.typescript.text import key, literal

_SERVER = (Path(__file__).resolve().parent / "tests" / "server.mjs").read_text(encoding="utf-8")


def call(api: Api, naming: Naming, example: Example) -> str:
    """The call of an example, by the name `client`."""
    operation, group = example.operation, naming.groups[example.operation.group]
    names = arguments(operation)
    parts = [f"{key(names[where])}: {literal(value)}" for where, value in example.arguments.items()]
    if operation.bodies and operation.body_required:
        parts.append(f"body: {body(api, operation.bodies[0], example.body)}")
    params = f"{{ {', '.join(parts)} }}" if parts else ""
    return f"client.{group.attribute}.{group.methods[operation.pointer]}({params})"


def tests(api: Api, naming: Naming, examples: Mapping[str, Example]) -> dict[str, str]:
    """The client's own tests; none where no operation is simple enough."""
    chosen = tested(examples)
    if not chosen:
        return {}
    lines = [
        'import assert from "node:assert/strict";',
        'import { test } from "node:test";',
        'import { Client, NotFoundError } from "../dist/index.js";',
        'import { serve } from "./server.mjs";',
        "",
        "const connect = (server) => new Client({ server: server.url, retry: { firstPause: 0 } });",
        "",
        *(line for example in chosen for line in _test(api, naming, example)),
        'test("what fails for a while is tried again", async (context) => {',
        f'  const server = await serve(context, {{ status: 503, headers: {{ "Retry-After": "0" }} }}, {_reply(chosen[0])});',
        "  const client = connect(server);",
        f"  await {call(api, naming, chosen[0])};",
        "  assert.equal(server.requests.length, 2);",
        "});",
        "",
        'test("what is not there is an error of its own", async (context) => {',
        '  const server = await serve(context, { status: 404, value: { message: "gone" } });',
        "  const client = connect(server);",
        f"  await assert.rejects(async () => {call(api, naming, chosen[0])}, NotFoundError);",
        "});",
    ]
    return {"tests/server.mjs": _SERVER, "tests/client.test.mjs": "\n".join(lines) + "\n"}


def _reply(example: Example) -> str:
    value = f", value: {literal(example.answer)}" if example.answers else ""
    return f"{{ status: {example.status}{value} }}"


def _test(api: Api, naming: Naming, example: Example) -> Iterator[str]:
    operation, group = example.operation, naming.groups[example.operation.group]
    name = f"{group.attribute}.{group.methods[operation.pointer]}"
    yield f"test({literal(name)}, async (context) => {{"
    yield f"  const server = await serve(context, {_reply(example)});"
    yield "  const client = connect(server);"
    yield f"  {'const found = ' if example.answers else ''}await {call(api, naming, example)};"
    yield "  const [request] = server.requests;"
    yield f"  assert.deepEqual([request.method, request.path], [{literal(operation.method)}, {literal(example.path)}]);"
    yield f"  assert.deepEqual(request.query, {literal([list(pair) for pair in example.query])});"
    if operation.bodies and operation.body_required:
        yield f"  assert.deepEqual(JSON.parse(request.body), {literal(example.body)});"
    if example.answers:
        yield f"  assert.deepEqual(found, {literal(example.answer)});"
    yield from ("});", "")
