"""Calls of the Go client with values written out, and its own tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nexus_generators.openapi.model import Api, Array, Choice, Constant, Named, Record, Scalar, Type
from nexus_generators.sdk.examples import Complicated, Example, content, tested
from nexus_generators.sdk.go.models import Types
from nexus_generators.sdk.go.names import GoNaming, arguments, fields
from nexus_generators.sdk.go.text import literal

_SERVER = (Path(__file__).resolve().parent / "tests" / "server_test.go.txt").read_text(encoding="utf-8")
_SIMPLE = {"string", "integer", "number", "boolean", "uuid"}


class Calls:
    """Writes calls of a client as another package does."""

    def __init__(self, api: Api, naming: GoNaming, package: str) -> None:
        self._api = api
        self._naming = naming
        self._package = package
        self._types = Types(api, naming)

    def value(self, type_: Type, given: Any) -> str:
        """An expression for a value; Complicated where Go needs more than one."""
        plain = self._api.plain(type_)
        if isinstance(plain, Constant) or (isinstance(plain, Scalar) and plain.kind in _SIMPLE):
            return literal(given)
        if plain == Scalar("binary"):
            return f"{self._package}.File{{Content: []byte({literal(given)})}}"
        if isinstance(plain, Array):
            items = ", ".join(self.value(plain.item, item) for item in given)
            return f"[]{self._type(plain.item)}{{{items}}}"
        found = self._api.declarations[plain.key] if isinstance(plain, Named) else None
        if isinstance(found, Choice) and given in found.values:
            return f"{self._package}.{self._naming.members[found.key, given]}"
        if isinstance(found, Record):
            return self._record(found, given)
        raise Complicated

    def _record(self, record: Record, given: Mapping[str, Any]) -> str:
        names, known = fields(record), {field.name: field for field in record.fields}
        parts = []
        for name, value in given.items():
            if self._types.field(known[name], record).startswith(("*", "Nullable")):
                raise Complicated
            parts.append(f"{names[name]}: {self.value(known[name].type, value)}")
        return f"{self._package}.{self._naming.classes[record.key]}{{{', '.join(parts)}}}"

    def _type(self, type_: Type) -> str:
        text = self._types.of(type_)
        if isinstance(type_, Named):
            return f"{self._package}.{text}"
        if isinstance(type_, Scalar) and type_.kind in _SIMPLE:
            return text
        raise Complicated

    def call(self, example: Example) -> str:
        """The call of an example, by the names `client` and `ctx`."""
        operation, group = example.operation, self._naming.groups[example.operation.group]
        names = arguments(operation)
        types: dict[tuple[str, str], Type] = {(p.location, p.name): p.type for p in operation.parameters}
        parts = [f"{names[where]}: {self.value(types[where], v)}" for where, v in example.arguments.items()]
        if operation.bodies and operation.body_required:
            parts.append(f"Body: {self.value(content(operation.bodies[0]), example.body)}")
        has_params = operation.parameters or operation.bodies
        params = f", {self._package}.{self._naming.params[operation.pointer]}{{{', '.join(parts)}}}"
        return (
            f"client.{group.attribute}.{group.methods[operation.pointer]}(ctx{params if has_params else ''})"
        )

    def written(self, example: Example) -> str:
        """The call, or the empty text where it is too long a story."""
        try:
            return self.call(example)
        except Complicated:
            return ""


def tests(
    calls: Calls, naming: GoNaming, package: str, module: str, examples: Mapping[str, Example]
) -> dict[str, str]:
    """The client's own tests; none where no operation is simple enough."""
    chosen = [(one, text) for one in tested(examples) if (text := calls.written(one))]
    if not chosen:
        return {}
    first, call = chosen[0]
    lines = [f"package {package}_test", "", "import (", '\t"errors"', '\t"net/http"', '\t"testing"', ""]
    lines += [f"\t{package} {literal(module)}", ")", ""]
    for example, text in chosen:
        lines += _test(naming, example, text)
    ignored = "_, err" if first.answers else "err"
    lines += [
        "func TestWhatFailsForAWhileIsTriedAgain(t *testing.T) {",
        f'\tserver, client := serve(t, reply{{status: 503, header: http.Header{{"Retry-After": {{"0"}}}}}}, {_reply(first)})',
        f"\tif {ignored} := {call}; err != nil {{\n\t\tt.Fatal(err)\n\t}}",
        "\tif len(server.requests) != 2 {",
        '\t\tt.Errorf("asked %d times, not twice", len(server.requests))',
        "\t}\n}\n",
        "func TestWhatIsNotThereIsAnErrorOfItsOwn(t *testing.T) {",
        '\t_, client := serve(t, reply{status: 404, value: `{"message": "gone"}`})',
        f"\t{ignored} := {call}",
        f"\tvar missing *{package}.NotFoundError",
        "\tif !errors.As(err, &missing) {",
        '\t\tt.Errorf("got %v", err)',
        "\t}\n}",
    ]
    server = _SERVER.replace("PACKAGE", package).replace("MODULE", literal(module))
    return {"server_test.go": server, "client_test.go": "\n".join(lines) + "\n"}


def _reply(example: Example) -> str:
    value = f", value: {_json(example.answer)}" if example.answers else ""
    return f"reply{{status: {example.status}{value}}}"


def _test(naming: GoNaming, example: Example, call: str) -> Iterator[str]:
    operation, group = example.operation, naming.groups[example.operation.group]
    method = group.methods[operation.pointer]
    yield f"func Test{group.attribute}_{method}(t *testing.T) {{"
    yield f"\tserver, client := serve(t, {_reply(example)})"
    yield f"\t{'found, ' if example.answers else ''}err := {call}"
    yield "\tif err != nil {\n\t\tt.Fatal(err)\n\t}"
    query = ", ".join(f"{{{literal(name)}, {literal(value)}}}" for name, value in example.query)
    sent = _json(example.body) if operation.bodies and operation.body_required else '""'
    pairs = f"[][2]string{{{query}}}" if query else "nil"
    yield (f"\tserver.received(t, {literal(operation.method)}, {literal(example.path)}, {pairs}, {sent})")
    if example.answers:
        yield f"\tsame(t, found, {_json(example.answer)})"
    yield "}\n"


def _json(value: Any) -> str:
    """A literal of JSON, as it is read most easily."""
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if text.isprintable() and "`" not in text else literal(text)
