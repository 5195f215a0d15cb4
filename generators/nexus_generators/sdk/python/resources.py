"""The operations of the Python client: a module a group, with a synchronous and an asynchronous class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus_generators.openapi.model import Answer, Api, Body, Nullable, Operation, Parameter, Scalar
from nexus_generators.sdk.groups import Group, Naming
from nexus_generators.sdk.library import Call
from nexus_generators.sdk.prose import error_class, visible
from nexus_generators.sdk.python.models import Annotations
from nexus_generators.sdk.python.names import arguments
from nexus_generators.sdk.python.text import docstring, literal, needed

_HEAD = """from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from .. import _core as core
from .. import models
"""


class Resources:
    """Writes groups; remembers how each operation is called."""

    def __init__(self, api: Api, naming: Naming) -> None:
        self._api = api
        self._naming = naming
        self._types = Annotations(api, naming, "models.")
        self._names = {operation.pointer: arguments(operation) for operation in api.operations}
        self.calls: dict[str, Call] = {}

    def module(self, group: Group) -> str:
        """The text of a group's module."""
        operations = [op for op in self._api.operations if op.pointer in group.methods]
        doc = self._api.groups.get(group.tag, "") or f"{visible(group.tag)}."
        lines: list[str] = []
        for operation in operations:
            lines.extend(self._constant(operation, group))
        for asynchronous in (False, True):
            name = f"Async{group.cls}" if asynchronous else group.cls
            core = "AsyncCore" if asynchronous else "Core"
            lines += ["", "", f"class {name}:", *docstring(doc, "    "), ""]
            lines += [f"    def __init__(self, core_: core.{core}) -> None:", "        self._core = core_"]
            for operation in operations:
                lines.extend(self._methods(operation, group, asynchronous))
        body = "\n".join(lines) + "\n"
        return "\n".join([*docstring(doc, ""), "", needed(_HEAD, body), body])

    def _constant(self, operation: Operation, group: Group) -> Iterator[str]:
        name = constant(group, operation)
        returns = self.returns(operation)
        yield ""
        yield f"{name}: core.Operation[{returns}] = core.Operation("
        yield f"    {literal(operation.method)},"
        yield f"    {literal(operation.route)},"
        if operation.parameters:
            yield f"    parameters=({' '.join(_parameter(p) + ',' for p in operation.parameters)}),"
        if operation.bodies:
            yield f"    bodies=({' '.join(_body(b) + ',' for b in operation.bodies)}),"
        if operation.answers:
            yield f"    answers=({' '.join(self._answer(a) + ',' for a in operation.answers)}),"
        security = operation.security if operation.security is not None else self._api.security
        if any(security):
            yield f"    security={literal(tuple(names for names in security))},"
        if operation.servers:
            yield f"    server={literal(operation.servers[0].address)},"
        accept = operation.accept(streams=operation.only_streams)
        yield f"    accept={literal(accept)}," if accept != "application/json" else ""
        yield ")"

    def _answer(self, answer: Answer) -> str:
        parts = [literal(answer.status)]
        if answer.kind != "none":
            parts.append(literal(answer.kind))
        if answer.type is not None:
            parts.append(f"type={self._types.of(answer.type)}")
        if answer.media:
            parts.append(f"media={literal(answer.media)}")
        return f"core.Answer({', '.join(parts)})"

    def error(self, answer: Answer) -> str:
        """The annotation of an error's body."""
        return self._types.of(answer.type or Scalar("any"))

    def returns(self, operation: Operation) -> str:
        """The annotation of what the operation returns."""
        parts: list[str] = []
        for answer in operation.good:
            if answer in operation.streams:
                continue
            if answer.kind == "json":
                parts.append(self._types.of(answer.type or Scalar("any")))
            else:
                parts.append({"none": "None", "text": "str"}.get(answer.kind, "bytes"))
        if "Any" in parts:
            return "Any"
        parts = [
            part
            for text in parts
            for part in (text.removesuffix(" | None"), "None" * text.endswith(" | None"))
        ]
        unique = [part for part in dict.fromkeys(parts) if part]
        ordered = [part for part in unique if part != "None"] + ["None"] * ("None" in unique)
        return " | ".join(ordered) or "None"

    def _methods(self, operation: Operation, group: Group, asynchronous: bool) -> Iterator[str]:
        name = group.methods[operation.pointer]
        streams, only = operation.streams, operation.only_streams
        given = self._names[operation.pointer]
        chooses = len(operation.bodies) > 1
        self.calls[operation.pointer] = Call(
            group.attribute, name, given, bool(operation.bodies), chooses, only
        )
        if not only:
            yield from self._method(operation, group, name, asynchronous)
        if streams:
            yield from self._method(
                operation, group, name if only else f"{name}_stream", asynchronous, streams[0]
            )
        if operation.paging is not None:
            yield from self._pages(operation, group, name, asynchronous)

    def _method(
        self, operation: Operation, group: Group, name: str, asynchronous: bool, stream: Answer | None = None
    ) -> Iterator[str]:
        returns = self.returns(operation)
        if stream is not None:
            returns = f"core.{'Async' if asynchronous else ''}Stream[{self._types.of(stream.type or Scalar('any'))}]"
        word, wait = ("async def", "await ") if asynchronous else ("def", "")
        yield from _deprecated(operation)
        yield f"    {word} {name}({', '.join(self._signature(operation))}) -> {returns}:"
        yield from self._doc(operation)
        passed = ["body", "content_type" if len(operation.bodies) > 1 else "None"] if operation.bodies else []
        passed = passed if len(operation.bodies) > 1 else passed[:1]
        data = constant(group, operation)
        if stream is not None and not operation.only_streams:
            data += f".accepting({literal(operation.accept(streams=True))})"
        call = ", ".join([data, _given(self._names[operation.pointer]), *passed, "options=options"])
        yield f"        return {wait}self._core.{'stream' if stream else 'send'}({call})"

    def _pages(self, operation: Operation, group: Group, name: str, asynchronous: bool) -> Iterator[str]:
        paging = operation.paging
        assert paging is not None  # noqa: S101 - the caller looked
        item = self._types.of(paging.item)
        yield from _deprecated(operation)
        signature = ", ".join(self._signature(operation, body=False))
        yield f"    def iter_{name}({signature}) -> core.{'Async' if asynchronous else ''}Pages[{item}]:"
        yield f'        """Every item of every page of `{name}`, fetched as it is asked for."""'
        said = [literal(paging.style)]
        said += [f"items={literal(paging.items)}"] if paging.items else []
        said += [f"parameter={literal(paging.parameter)}"] if paging.parameter else []
        said += [f"next={literal(paging.next)}"] if paging.next else []
        said += [f"first={paging.first}"] if paging.first != 1 else []
        call = f"{constant(group, operation)}, core.Paging({', '.join(said)}), {_given(self._names[operation.pointer])}, options=options"
        yield f"        return self._core.pages({call})"

    def _signature(self, operation: Operation, *, body: bool = True) -> Iterator[str]:
        names = self._names[operation.pointer]
        path = [p for p in operation.parameters if p.location == "path"]
        others = [p for p in operation.parameters if p.location != "path"]
        yield "self"
        for parameter in path:
            yield f"{names['path', parameter.name]}: {self.argument(parameter)}"
        needed = body and bool(operation.bodies) and operation.body_required
        if needed:
            yield f"body: {self.body(operation)}"
        yield "*"
        for parameter in sorted(others, key=lambda p: not p.required):
            default = "" if parameter.required else " | None = None"
            text = self.argument(parameter)
            only = self._types.only(parameter.type) if parameter.required else ""
            default = f" = {only}" if only else default
            name = names[parameter.location, parameter.name]
            yield f"{name}: {text}{default if text != 'Any' or not default else ' = None'}"
        if body and operation.bodies and not needed:
            text = self.body(operation)
            yield f"body: {text} | None = None" if text != "Any" else "body: Any = None"
        if body and len(operation.bodies) > 1:
            options = ", ".join(literal(b.media) for b in operation.bodies)
            yield f"content_type: Literal[{options}] = {literal(operation.bodies[0].media)}"
        yield "options: core.Options | None = None"

    def argument(self, parameter: Parameter) -> str:
        """The annotation of a parameter."""
        plain = self._api.plain(parameter.type)
        return self._types.of(plain.inner if isinstance(plain, Nullable) else parameter.type)

    def body(self, operation: Operation) -> str:
        """The annotation of the body."""
        parts = list(dict.fromkeys(self._one_body(body) for body in operation.bodies))
        return "Any" if "Any" in parts else " | ".join(parts)

    def _one_body(self, body: Body) -> str:
        if body.kind in {"text", "binary"}:
            return "str" if body.kind == "text" else "core.Upload"
        if body.kind == "jsonl":
            return f"Iterable[{self._types.of(body.type)}]"
        return self._types.of(body.type)

    def _doc(self, operation: Operation) -> tuple[str, ...]:
        said = [part.strip() for part in (operation.summary, operation.doc) if part.strip()]
        unique = list(dict.fromkeys(said)) or [operation.key]
        unique += ["Deprecated."] if operation.deprecated else []
        names = self._names[operation.pointer]
        args = [
            f"    {names[p.location, p.name]}: {known}" for p in operation.parameters if (known := _said(p))
        ]
        if args:
            unique.append("Args:\n" + "\n".join(args))
        raised = [
            f"    {error_class(a.status, 'APIStatusError')}: {a.status}, the body is a {self._types.of(a.type)}"
            for a in operation.bad
            if a.type is not None and a.type != Scalar("any")
        ]
        if raised:
            unique.append("Raises:\n" + "\n".join(raised))
        return docstring("\n\n".join(unique), "        ")


def _deprecated(operation: Operation) -> Iterator[str]:
    yield ""
    if operation.deprecated:
        yield f"    @core.deprecated({literal(f'the API has deprecated {operation.method} {operation.path}')})"


def _said(parameter: Parameter) -> str:
    """What there is to know of an argument, on one line."""
    parts = [" ".join(parameter.doc.split())]
    if isinstance(parameter.default, str | int | float):
        parts.append(f"The default is {literal(parameter.default)}.")
    parts += ["Deprecated."] if parameter.deprecated else []
    return " ".join(part for part in parts if part)


def constant(group: Group, operation: Operation) -> str:
    """The name of an operation's data in its module."""
    return f"_{group.methods[operation.pointer].upper()}"


def _given(names: Mapping[tuple[str, str], str]) -> str:
    pairs = (f"{literal(where)}: {name}" for where, name in names.items())
    return "{" + ", ".join(pairs) + "}"


def _parameter(parameter: Parameter) -> str:
    parts = [literal(parameter.name), literal(parameter.location)]
    if parameter.style != "form":
        parts.append(f"style={literal(parameter.style)}")
    if not parameter.explode:
        parts.append("explode=False")
    parts += ["json=True"] if parameter.json else []
    parts += ["reserved=True"] if parameter.allow_reserved else []
    return f"core.Parameter({', '.join(parts)})"


def _body(body: Body) -> str:
    parts = [literal(body.media), literal(body.kind)]
    if body.json_parts:
        parts.append(f"json_parts=frozenset({{{', '.join(map(literal, body.json_parts))}}})")
    if body.part_types:
        parts.append(f"part_types={literal(body.part_types)}")
    return f"core.Body({', '.join(parts)})"
