"""A program that calls every operation with a typed sample: the compiler checks the types, the gate the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus_generators.openapi.cases import BYTES, Case
from nexus_generators.openapi.model import Api, Array, Body, Map, Named, Nullable, Record, Scalar, Type, Union
from nexus_generators.sdk.library import Call
from nexus_generators.sdk.typescript.text import key, literal

_HEAD = """\
import { Client } from "./index.ts";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

const client = new Client({ retry: { retries: 0 } });
const at = (number: number) => ({ server: `${process.argv[2]}/${number}` });

async function plain(value: unknown): Promise<unknown> {
  return value instanceof Blob ? value.text() : value;
}

async function listed(items: AsyncIterable<unknown>): Promise<unknown> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function tell(number: number, call: () => Promise<unknown>): Promise<void> {
  let result: object;
  try {
    result = { value: (await plain(await call())) ?? null };
  } catch (error) {
    result = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify({ number, ...result })}\\n`);
}

"""


def program(api: Api, cases: Mapping[int, Case], calls: Mapping[str, Call]) -> str:
    """The text of the program, which takes the server's address."""
    lines = [_HEAD]
    for number, case in cases.items():
        call = calls[case.operation.pointer]
        types: dict[tuple[str, str], Type] = {(p.location, p.name): p.type for p in case.operation.parameters}
        parts = [
            f"{key(call.arguments[where])}: {_value(api, types[where], value)}"
            for where, value in case.arguments.items()
        ]
        if case.body is not None:
            parts.append(f"body: {body(api, case.body, case.body_value)}")
        has_params = bool(case.operation.parameters or case.operation.bodies)
        params = f"{{ {', '.join(parts)} }}, " if has_params else ""
        text = f"client.{call.group}.{call.method}({params}at({number}))"
        text = f"listed(await {text})" if call.streams else f"await {text}"
        lines.append(f"await tell({number}, async () => {text});")
    return "\n".join(lines) + "\n"


def body(api: Api, body: Body, value: Any) -> str:
    """A literal of a body; a file is one that is made of a text."""
    if body.kind == "text":
        return literal(BYTES)
    if body.kind == "binary":
        return f"new Blob([{literal(BYTES)}])"
    if body.kind == "jsonl" and isinstance(value, list):
        return f"[{', '.join(_value(api, body.type, item) for item in value)}]"
    return _value(api, body.type, value)


def _value(api: Api, type_: Type, value: Any) -> str:
    """A literal of a value; where the type says a file, it is one."""
    plain = api.plain(type_)
    if isinstance(plain, Nullable):
        plain = api.plain(plain.inner)
    if plain == Scalar("binary") and isinstance(value, str):
        return f"new Blob([{literal(value)}])"
    if isinstance(value, list):
        item: Type = plain.item if isinstance(plain, Array) else Scalar("any")
        return f"[{', '.join(_value(api, item, one) for one in value)}]"
    if isinstance(value, dict):
        record = api.declarations.get(plain.key) if isinstance(plain, Named) else None
        types = {f.name: f.type for f in record.fields} if isinstance(record, Record) else {}
        other: Type = plain.value if isinstance(plain, Map) else Scalar("any")
        pairs = (
            f"{_computed(name)}: {_value(api, types.get(name, other), item)}" for name, item in value.items()
        )
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(plain, Union) and isinstance(value, str) and Scalar("binary") in plain.variants:
        return f"new Blob([{literal(value)}])"
    return literal(value)


def _computed(name: str) -> str:
    return f"[{literal(name)}]" if name == "__proto__" else key(name)
