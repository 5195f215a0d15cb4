"""The operations of the TypeScript client: a module and a class for each group."""

from __future__ import annotations

from collections.abc import Iterator

from nexus_generators.openapi.model import Answer, Api, Body, Nullable, Operation, Parameter, Scalar
from nexus_generators.sdk.groups import Group, Naming
from nexus_generators.sdk.library import Call
from nexus_generators.sdk.prose import error_class
from nexus_generators.sdk.typescript.models import Types
from nexus_generators.sdk.typescript.names import arguments
from nexus_generators.sdk.typescript.text import comment, key, literal, spread


class Resources:
    """Writes groups; remembers how each operation is called."""

    def __init__(self, api: Api, naming: Naming) -> None:
        self._api = api
        self._naming = naming
        self._types = Types(api, naming, "models.")
        self.calls: dict[str, Call] = {}

    def module(self, group: Group) -> str:
        """The text of a group's module."""
        operations = self._naming.operations(self._api, group)
        body = "\n".join(line for operation in operations for line in self._methods(operation, group))
        constants = "\n".join(line for operation in operations for line in self._constant(operation, group))
        lines = ['import * as core from "../core/index.ts";']
        if "models." in body or "models." in constants:
            lines.append('import type * as models from "../models.ts";')
        lines += ["", constants, *comment(self._api.groups.get(group.tag, "") or group.tag, "")]
        lines += [
            f"export class {group.cls} {{",
            "  private readonly core: core.Core;",
            "",
            "  constructor(settings: core.Core) {",
            "    this.core = settings;",
            "  }",
            body,
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _constant(self, operation: Operation, group: Group) -> Iterator[str]:
        yield f"const {constant(group, operation)}: core.Operation = {{"
        yield f"  method: {literal(operation.method)},"
        yield f"  path: {literal(operation.route)},"
        yield from _listed("parameters", [_parameter(p) for p in operation.parameters])
        yield from _listed("bodies", [_body(b) for b in operation.bodies])
        yield from _listed("answers", [_answer(a) for a in operation.answers])
        security = operation.security if operation.security is not None else self._api.security
        yield from _listed("security", [f"[{', '.join(map(literal, names))}]" for names in security if names])
        accept = operation.accept(streams=operation.only_streams)
        yield f"  accept: {literal(accept)},"
        if operation.servers:
            yield f"  server: {literal(operation.servers[0].address)},"
        yield "};"
        yield ""

    def returns(self, operation: Operation) -> str:
        """The type of what the operation returns."""
        parts: list[str] = []
        for answer in operation.good:
            if answer in operation.streams:
                continue
            if answer.kind == "json":
                parts.append(self._types.of(answer.type or Scalar("any")))
            else:
                parts.append({"none": "void", "text": "string"}.get(answer.kind, "Blob"))
        unique = list(dict.fromkeys(parts))
        if "unknown" in unique:
            return "unknown"
        if len(unique) > 1:
            unique = ["undefined" if part == "void" else part for part in unique]
        return " | ".join(unique) or "void"

    def _methods(self, operation: Operation, group: Group) -> Iterator[str]:
        name = group.methods[operation.pointer]
        streams, only = operation.streams, operation.only_streams
        self.calls[operation.pointer] = Call(
            group.attribute,
            name,
            arguments(operation),
            bool(operation.bodies),
            len(operation.bodies) > 1,
            only,
        )
        name_ = constant(group, operation)
        passed = [name_, _given(operation)]
        if operation.bodies:
            passed += ["params.body", "params.contentType" if len(operation.bodies) > 1 else "undefined"]
        else:
            passed += ["undefined", "undefined"]
        if not only:
            returns = self.returns(operation)
            yield from self._head(operation, name, f"core.APIPromise<{returns}>")
            yield from spread(f"return this.core.send<{returns}>(", [*passed, "options"], ");", "    ")
            yield "  }"
        if streams:
            item = self._types.of(streams[0].type or Scalar("any"))
            yield from self._head(
                operation, name if only else f"{name}Stream", f"Promise<core.Stream<{item}>>"
            )
            if not only:
                passed[0] = f"{{ ...{name_}, accept: {literal(operation.accept(streams=True))} }}"
            yield from spread(f"return this.core.stream<{item}>(", [*passed, "options"], ");", "    ")
            yield "  }"
        if operation.paging is not None:
            yield from self._pages(operation, name, name_)

    def _pages(self, operation: Operation, name: str, constant_: str) -> Iterator[str]:
        paging = operation.paging
        assert paging is not None  # noqa: S101 - the caller looked
        item, page = self._types.of(paging.item), self.returns(operation)
        said = (
            f"{{ style: {literal(paging.style)}, items: {literal(list(paging.items))}, "
            f"parameter: {literal(paging.parameter)}, next: {literal(list(paging.next))}"
            f"{f', first: {paging.first}' if paging.first != 1 else ''} }}"
        )
        returns = f"core.Pages<{item}, {page}>"
        title = f"Every item of every page of `{name}`, fetched as it is asked for."
        yield from self._head(operation, f"iter{name[0].upper()}{name[1:]}", returns, title)
        passed = [constant_, said, _given(operation), "options"]
        yield from spread(f"return this.core.pages<{item}, {page}>(", passed, ");", "    ")
        yield "  }"

    def _head(self, operation: Operation, name: str, returns: str, title: str = "") -> Iterator[str]:
        fields = list(self._fields(operation))
        yield ""
        yield from comment(title or self._doc(operation), "  ")
        if not fields:
            yield f"  {name}(options: core.Options = {{}}): {returns} {{"
            return
        needed = any(not optional for _, optional, _, _ in fields)
        yield f"  {name}("
        yield "    params: {"
        for field, optional, type_, doc in fields:
            yield from comment(doc, "      ")
            yield f"      {field}{'?' if optional else ''}: {type_};"
        yield f"    }}{'' if needed else ' = {}'},"
        yield "    options: core.Options = {},"
        yield f"  ): {returns} {{"

    def _fields(self, operation: Operation) -> Iterator[tuple[str, bool, str, str]]:
        names = arguments(operation)
        for parameter in operation.parameters:
            doc = parameter.doc
            if isinstance(parameter.default, str | int | float):
                doc += f"\n@defaultValue {literal(parameter.default)}"
            doc = (doc + ("\n@deprecated" if parameter.deprecated else "")).lstrip("\n")
            yield (
                key(names[parameter.location, parameter.name]),
                not parameter.required,
                self.argument(parameter),
                doc,
            )
        if operation.bodies:
            yield "body", not operation.body_required, self.body(operation), ""
        if len(operation.bodies) > 1:
            media = " | ".join(literal(body.media) for body in operation.bodies)
            yield "contentType", True, media, f"{operation.bodies[0].media} unless it is given."

    def _doc(self, operation: Operation) -> str:
        said = list(dict.fromkeys(p.strip() for p in (operation.summary, operation.doc) if p.strip()))
        tags = ["@deprecated"] if operation.deprecated else []
        tags += [
            f"@throws {error_class(a.status, 'APIStatusError')} ({a.status}), its body is {self.error(a)}"
            for a in operation.bad
            if a.type is not None and a.type != Scalar("any")
        ]
        return "\n\n".join([*(said or [operation.key]), *(["\n".join(tags)] if tags else [])])

    def body(self, operation: Operation) -> str:
        """The type of the body."""
        parts = list(dict.fromkeys(self._one_body(body) for body in operation.bodies))
        return "unknown" if "unknown" in parts else " | ".join(parts)

    def error(self, answer: Answer) -> str:
        """The type of an error's body."""
        return self._types.of(answer.type or Scalar("any"))

    def argument(self, parameter: Parameter) -> str:
        """The type of a parameter."""
        plain = self._api.plain(parameter.type)
        return self._types.of(plain.inner if isinstance(plain, Nullable) else parameter.type)

    def _one_body(self, body: Body) -> str:
        if body.kind in {"text", "binary"}:
            return "string" if body.kind == "text" else "core.Upload"
        if body.kind == "jsonl":
            return f"Iterable<{self._types.of(body.type)}>"
        return self._types.of(body.type)


def constant(group: Group, operation: Operation) -> str:
    """The name of an operation's data in its module."""
    name = group.methods[operation.pointer]
    return f"{name}Operation"


def _listed(name: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield f"  {name}: [],"
        return
    yield f"  {name}: ["
    yield from (f"    {part}," for part in parts)
    yield "  ],"


def _given(operation: Operation) -> str:
    names = arguments(operation)
    pairs = [f"{literal(f'{where[0]}:{where[1]}')}: params.{name}" for where, name in names.items()]
    return "\n".join(spread("{ ", pairs, " }", "      ")).strip() if pairs else "{}"


def _parameter(parameter: Parameter) -> str:
    said = [f"name: {literal(parameter.name)}", f"in: {literal(parameter.location)}"]
    said += [f"style: {literal(parameter.style)}", f"explode: {literal(parameter.explode)}"]
    said += ["json: true"] if parameter.json else []
    said += ["reserved: true"] if parameter.allow_reserved else []
    return f"{{ {', '.join(said)} }}"


def _body(body: Body) -> str:
    said = [f"media: {literal(body.media)}", f"kind: {literal(body.kind)}"]
    said += [f"jsonParts: {literal(list(body.json_parts))}"] if body.json_parts else []
    if body.part_types:
        said.append("partTypes: { " + ", ".join(f"{key(n)}: {literal(m)}" for n, m in body.part_types) + " }")
    return f"{{ {', '.join(said)} }}"


def _answer(answer: Answer) -> str:
    return f"{{ status: {literal(answer.status)}, kind: {literal(answer.kind)}, media: {literal(answer.media)} }}"
