"""The reference of a client: every operation with its arguments, what it returns and what it fails with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nexus_generators.openapi.model import Answer, Api, Operation, Parameter
from nexus_generators.sdk.groups import Group, Naming
from nexus_generators.sdk.prose import code, markdown, visible


@dataclass(frozen=True, slots=True)
class Voice:
    """How a language says it: names of arguments by location and name, and the texts of types."""

    names: Callable[[Operation], Mapping[tuple[str, str], str]]
    argument: Callable[[Parameter], str]
    body: Callable[[Operation], str]
    body_name: str
    returns: Callable[[Operation], str]
    answer: Callable[[Answer], str]


def reference(api: Api, naming: Naming, voice: Voice) -> str:
    """The text of `REFERENCE.md`."""
    return "\n".join(_lines(api, naming, voice)) + "\n"


def _lines(api: Api, naming: Naming, voice: Voice) -> Iterator[str]:
    yield f"# Reference of {markdown(api.title)}"
    for group in naming.groups.values():
        yield from ("", f"## `client.{group.attribute}`")
        said = markdown(api.groups.get(group.tag, ""))
        yield from ("", said) if said else ()
        for operation in naming.operations(api, group):
            yield from _operation(operation, group, voice)


def _operation(operation: Operation, group: Group, voice: Voice) -> Iterator[str]:
    yield from ("", f"### `{group.attribute}.{group.methods[operation.pointer]}`", "")
    deprecated = " · **deprecated**" if operation.deprecated else ""
    yield f"`{operation.method} {code(operation.route)}`{deprecated}"
    for text in dict.fromkeys((operation.summary, operation.doc)):
        paragraphs = [" ".join(part.split()) for part in visible(text).split("\n\n")]
        yield from (line for part in paragraphs if part for line in ("", _escaped(part)))
    names = voice.names(operation)
    rows: list[tuple[str, str, str, bool, str]] = [
        (names[p.location, p.name], p.location, voice.argument(p), p.required, p.doc)
        for p in operation.parameters
    ]
    if operation.bodies:
        media = ", ".join(body.media for body in operation.bodies)
        rows.append((voice.body_name, "body", voice.body(operation), operation.body_required, media))
    if rows:
        yield from ("", "| argument | in | type | required | |", "|---|---|---|---|---|")
        for name, place, type_, required, doc in rows:
            yield f"| `{name}` | {place} | `{code(type_)}` | {'yes' if required else ''} | {markdown(doc)} |"
    yield from ("", f"Returns `{code(voice.returns(operation) or 'nothing')}`.")
    failing = [a for a in operation.bad if a.type is not None]
    if failing:
        yield from (
            "",
            "Fails with " + ", ".join(f"{code(a.status)}: `{code(voice.answer(a))}`" for a in failing) + ".",
        )


def _escaped(text: str) -> str:
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("[", "\\["), ("!", "\\!")):
        text = text.replace(sign, instead)
    return "\\" + text if text[:1] in {"#", "-", "*", "+", "|", "`", "=", "~"} else text
