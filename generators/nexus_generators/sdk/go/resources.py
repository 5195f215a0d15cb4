"""The operations of the Go client: a service for each group, a struct of parameters for each operation."""

from __future__ import annotations

from collections.abc import Iterator

from nexus_generators.openapi.model import (
    Answer,
    Api,
    Body,
    Nullable,
    Operation,
    Paging,
    Parameter,
    Scalar,
    Type,
)
from nexus_generators.sdk.go.models import Types, alone, mentions
from nexus_generators.sdk.go.names import GoNaming, arguments
from nexus_generators.sdk.go.text import comment, literal, strings
from nexus_generators.sdk.groups import Group
from nexus_generators.sdk.library import Call
from nexus_generators.sdk.prose import error_class


class Resources:
    """Writes groups; remembers how each operation is called."""

    def __init__(self, api: Api, naming: GoNaming) -> None:
        self._api = api
        self._naming = naming
        self._types = Types(api, naming)
        self.calls: dict[str, Call] = {}

    def module(self, group: Group, package: str) -> str:
        """The text of a group's file."""
        operations = self._naming.operations(self._api, group)
        lines = list(
            comment(self._api.groups.get(group.tag, "") or f"{group.cls} has operations of {group.tag}.")
        )
        lines += [f"type {group.cls} struct{{ core *core }}"]
        for operation in operations:
            lines.extend(self._constant(operation))
            lines.extend(self._params(operation))
            lines.extend(self._methods(operation, group))
        body = "\n".join(lines)
        wanted = {"context": "context.Context", "iter": "iter.Seq2", "time": "time.Time"}
        used = [name for name, mark in wanted.items() if mentions(body, mark)]
        imports = "import (\n" + "\n".join(f'\t"{name}"' for name in used) + "\n)"
        return f"package {package}\n\n{imports}\n\n{body}\n"

    def _constant(self, operation: Operation) -> Iterator[str]:
        security = operation.security if operation.security is not None else self._api.security
        accept = operation.accept(streams=operation.only_streams)
        yield ""
        yield f"var {self._naming.variables[operation.pointer]} = operation{{"
        yield f"\tmethod: {literal(operation.method)},"
        yield f"\tpath: {literal(operation.route)},"
        if operation.parameters:
            yield "\tparameters: []parameter{"
            yield from (f"\t\t{_parameter(p)}," for p in operation.parameters)
            yield "\t},"
        if operation.bodies:
            yield "\tbodies: []body{"
            yield from (f"\t\t{_body(b)}," for b in operation.bodies)
            yield "\t},"
        if operation.answers:
            yield "\tanswers: []answer{"
            yield from (
                f"\t\t{{{literal(a.status)}, {literal(a.kind)}, {literal(a.media)}}},"
                for a in operation.answers
            )
            yield "\t},"
        if any(security):
            yield f"\tsecurity: [][]string{{{', '.join('{' + ', '.join(map(literal, n)) + '}' for n in security if n)}}},"
        yield f"\taccept: {literal(accept)},"
        if operation.servers:
            yield f"\tserver: {literal(operation.servers[0].address)},"
        yield "}"

    def _params(self, operation: Operation) -> Iterator[str]:
        if not operation.parameters and not operation.bodies:
            return
        name, names = self._naming.params[operation.pointer], arguments(operation)
        yield ""
        yield from comment(f"{name} is what {operation.method} {' '.join(operation.route.split())} takes.")
        yield f"type {name} struct {{"
        for parameter in operation.parameters:
            said = parameter.doc
            if isinstance(parameter.default, str | int | float):
                said += f"\nThe default is {literal(parameter.default)}."
            said += "\n\nDeprecated: the API has deprecated it." if parameter.deprecated else ""
            yield from comment(said, "\t")
            yield f"\t{names[parameter.location, parameter.name]} {self.argument(parameter)}"
        if operation.bodies:
            yield f"\tBody {self.body(operation)}"
        if len(operation.bodies) > 1:
            yield f"\t// ContentType is {literal(operation.bodies[0].media)} unless it is set."
            yield "\tContentType string"
        yield "}"

    def argument(self, parameter: Parameter) -> str:
        """The type of a parameter."""
        plain = self._api.plain(parameter.type)
        type_: Type = plain.inner if isinstance(plain, Nullable) else parameter.type
        return self._types.of(type_) if parameter.required else self._types.optional(type_)

    def error(self, answer: Answer) -> str:
        """The type of an error's body."""
        return self._types.of(answer.type or Scalar("any"))

    def _doc(self, operation: Operation, name: str) -> list[str]:
        said = list(dict.fromkeys(p.strip() for p in (operation.summary, operation.doc) if p.strip()))
        text = "\n\n".join(said) or f"{name} is {operation.key}."
        failing = [
            f"  - *{error_class(a.status, 'APIError')} ({a.status}), Decode gives {self.error(a)}"
            for a in operation.bad
            if a.type is not None and a.type != Scalar("any")
        ]
        if failing:
            text += "\n\nIts errors are\n" + "\n".join(failing)
        if operation.deprecated:
            text += f"\n\nDeprecated: the API has deprecated {name}."
        return comment(text)

    def body(self, operation: Operation) -> str:
        """The type of the body."""
        types = list(dict.fromkeys(self._one_body(body) for body in operation.bodies))
        text, first = types[0] if len(types) == 1 else "any", operation.bodies[0]
        if text == "any" or operation.body_required:
            return text
        return (
            self._types.optional(first.type)
            if first.kind in {"json", "form", "multipart"}
            else _pointer(text)
        )

    def _one_body(self, body: Body) -> str:
        if body.kind in {"text", "binary"}:
            return "string" if body.kind == "text" else "File"
        return f"[]{self._types.of(body.type)}" if body.kind == "jsonl" else self._types.of(body.type)

    def returns(self, operation: Operation) -> str:
        """The type of what the operation returns; empty for nothing."""
        answers = [a for a in operation.good if a not in operation.streams]
        parts = list(dict.fromkeys(self._returned(a) for a in answers if a.kind != "none"))
        if not parts:
            return ""
        if len(parts) > 1:
            return "OneOf"
        text = parts[0]
        plain = self._api.plain(answers[0].type) if answers[0].type is not None else None
        if self._api.record(answers[0].type) is not None and not text.startswith("*"):
            return text if isinstance(plain, Nullable) else f"*{text}"
        return text

    def _returned(self, answer: Answer) -> str:
        if answer.kind == "json":
            return self._types.of(answer.type or Scalar("any"))
        return "string" if answer.kind == "text" else "[]byte"

    def _methods(self, operation: Operation, group: Group) -> Iterator[str]:
        name, data = group.methods[operation.pointer], self._naming.variables[operation.pointer]
        streams, only = operation.streams, operation.only_streams
        several = len(operation.bodies) > 1
        self.calls[operation.pointer] = Call(
            group.attribute, name, arguments(operation), bool(operation.bodies), several, only
        )
        has_params = bool(operation.parameters or operation.bodies)
        params = f"params {self._naming.params[operation.pointer]}, " if has_params else ""
        head = f"ctx context.Context, {params}options ...Option"
        content = "params.Body" if operation.bodies else "nil"
        media = "params.ContentType" if several else '""'
        call = f"newCall(&{data}, {_given(operation)}, {content}, {media}, options)"
        receiver = f"func (s *{group.cls})"
        told = self._told(operation)
        if not only:
            returns = self.returns(operation)
            yield ""
            yield from self._doc(operation, name)
            if returns:
                yield f"{receiver} {name}({head}) ({returns}, error) {{"
                yield from told
                yield f"\treturn send[{returns}](ctx, s.core, {call})"
            else:
                yield f"{receiver} {name}({head}) error {{"
                yield from told
                yield f"\treturn exec(ctx, s.core, {call})"
            yield "}"
        if streams:
            item = self._types.of(streams[0].type or Scalar("any"))
            yield ""
            yield from self._doc(operation, name if only else f"{name}Stream")
            yield f"{receiver} {name if only else f'{name}Stream'}({head}) (*Stream[{item}], error) {{"
            if not only:
                accepting = f"{data}.accepting({literal(operation.accept(streams=True))})"
                call = call.replace(f"&{data}", accepting, 1)
            yield from told
            yield f"\treturn stream[{item}](ctx, s.core, {call})"
            yield "}"
        if operation.paging is not None:
            yield from self._lists(operation, operation.paging, name, f"{receiver} Iter{name}", head, call)

    def _lists(
        self, operation: Operation, paging: Paging, name: str, method: str, head: str, call: str
    ) -> Iterator[str]:
        """The methods that go from page to page: by item, and by page."""
        item, whole, told = self._types.of(paging.item), self.returns(operation), self._told(operation)
        said = (
            f"paging{{style: {literal(paging.style)}, parameter: {literal(paging.parameter)}, "
            f"items: {strings(paging.items)}, next: {strings(paging.next)}, first: {paging.first}}}"
        )
        yield ""
        yield f"// Iter{name} gives every item of every page of {name}, fetched as it is asked for."
        yield f"{method}({head}) iter.Seq2[{item}, error] {{"
        yield from told
        yield f"\treturn items[{item}](ctx, s.core, {said}, {call})"
        yield "}"
        yield ""
        yield f"// Iter{name}Pages gives every answer of {name} as a whole, fetched as it is asked for."
        yield f"{method}Pages({head}) iter.Seq2[{whole}, error] {{"
        yield from told
        yield f"\treturn pages[{whole}](ctx, s.core, {said}, {call})"
        yield "}"

    def _told(self, operation: Operation) -> list[str]:
        """Statements that set parameters which have one value only."""
        names = arguments(operation)
        return [
            line
            for p in operation.parameters
            if p.required
            for line in alone(f"params.{names[p.location, p.name]}", p.type, self._api)
        ]


def _pointer(text: str) -> str:
    return text if text.startswith(("[]", "map[", "*")) else f"*{text}"


def _given(operation: Operation) -> str:
    names = arguments(operation)
    pairs = [f"{literal(f'{where[0]}:{where[1]}')}: params.{name}" for where, name in names.items()]
    return f"given{{{', '.join(pairs)}}}"


def _parameter(parameter: Parameter) -> str:
    said = [literal(parameter.name), literal(parameter.location), literal(parameter.style)]
    said += [literal(parameter.explode), literal(parameter.json), literal(parameter.allow_reserved)]
    return "{" + ", ".join(said) + "}"


def _body(body: Body) -> str:
    said = [f"media: {literal(body.media)}", f"kind: {literal(body.kind)}"]
    said += [f"jsonParts: {strings(body.json_parts)}"] if body.json_parts else []
    if body.part_types:
        said.append(
            "partTypes: map[string]string{"
            + ", ".join(f"{literal(n)}: {literal(m)}" for n, m in body.part_types)
            + "}"
        )
    return "{" + ", ".join(said) + "}"
