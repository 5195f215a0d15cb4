"""What a client has to know of an API: the one model that the SDKs of all languages are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nexus_generators.openapi.limits import NONE, Limits

ScalarKind = Literal[
    "string", "integer", "number", "boolean", "date", "date-time", "uuid", "binary", "any", "null"
]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts; `any` may be anything, `binary` is bytes or a file.

    Limits make no other type of it: no client looks different for them.
    """

    kind: ScalarKind
    limits: Limits = field(default=NONE, compare=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """Exactly one value: a string, a number or a boolean."""

    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    item: Type
    limits: Limits = field(default=NONE, compare=False)


@dataclass(frozen=True, slots=True)
class Map:
    """Values of one type by names that the document does not say."""

    value: Type
    limits: Limits = field(default=NONE, compare=False)


@dataclass(frozen=True, slots=True)
class Named:
    """A declaration, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Nullable:
    """The inner type, or null."""

    inner: Type


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types; `mapping` leads from the value of `discriminator` to the key of a record."""

    variants: tuple[Type, ...]
    discriminator: str = ""
    mapping: tuple[tuple[str, str], ...] = ()


Type = Scalar | Constant | Array | Map | Named | Nullable | Union


@dataclass(frozen=True, slots=True)
class Field:
    """A property: its name on the wire, and whether it must be there; `one_way`: where it travels."""

    name: str
    type: Type
    required: bool
    doc: str = ""
    default: Any = None
    deprecated: bool = False
    read_only: bool = False
    write_only: bool = False
    one_way: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known properties; `extra` is the type of others, if it says any; `closed` has none."""

    key: str
    name: str
    doc: str
    fields: tuple[Field, ...]
    extra: Type | None
    deprecated: bool = False
    closed: bool = False
    limits: Limits = NONE


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of strings or of integers; servers may add to it, so clients take others too."""

    key: str
    name: str
    doc: str
    kind: Literal["string", "integer"]
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for another type."""

    key: str
    name: str
    doc: str
    type: Type


Declaration = Record | Choice | Alias


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of a request outside of its body; `json` ones are written as JSON."""

    name: str
    location: Literal["path", "query", "header", "cookie", "querystring"]
    type: Type
    required: bool
    style: str
    explode: bool
    allow_reserved: bool = False
    json: bool = False
    doc: str = ""
    default: Any = None
    deprecated: bool = False


_STREAMS = frozenset({"sse", "event", "jsonl"})
BodyKind = Literal["json", "form", "multipart", "text", "binary", "jsonl", "sse", "event", "none"]
"""How it is written; `sse` is what the `data` of events says, `event` is events as a whole."""


@dataclass(frozen=True, slots=True)
class Body:
    """One way to write a request's body; `json_parts` are the fields that a form carries as JSON."""

    media: str
    kind: BodyKind
    type: Type
    json_parts: tuple[str, ...] = ()
    part_types: tuple[tuple[str, str], ...] = ()
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status may come with: `status` is `200`, `2XX` or `default`."""

    status: str
    media: str
    kind: BodyKind
    type: Type | None
    doc: str = ""
    pointer: str = ""

    def covers(self, status: int) -> bool:
        """Whether it speaks of a status."""
        said = self.status.upper()
        return said == "DEFAULT" or said == str(status) or (said.endswith("XX") and said[0] == str(status)[0])


@dataclass(frozen=True, slots=True)
class Paging:
    """How an operation leads from one page to the next.

    `cursor`: `parameter` gets what `next` held · `offset`, `page`: `parameter` counts items or pages ·
    `url`: `next` holds the next address · `link`: the answer's Link header does. `items` is the path to the
    list in the answer; the empty one means that the answer is the list. `first` is the number of the page
    that comes when none is asked for.
    """

    style: Literal["cursor", "offset", "page", "url", "link"]
    item: Type
    items: tuple[str, ...] = ()
    parameter: str = ""
    next: tuple[str, ...] = ()
    first: int = 1


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does."""

    id: str
    method: str
    path: str
    group: str
    name: str
    summary: str
    doc: str
    deprecated: bool
    parameters: tuple[Parameter, ...]
    bodies: tuple[Body, ...]
    body_required: bool
    answers: tuple[Answer, ...]
    security: tuple[tuple[str, ...], ...] | None
    servers: tuple[Server, ...]
    paging: Paging | None
    pointer: str

    @property
    def key(self) -> str:
        """How it is named in reports: `GET /pets/{id}`."""
        return f"{self.method} {self.path}"

    @property
    def route(self) -> str:
        """The path as it is sent: a `#name` that only tells operations of one path apart is not."""
        return self.path.partition("#")[0]

    @property
    def good(self) -> tuple[Answer, ...]:
        """What the operation returns when it succeeds."""
        found = tuple(a for a in self.answers if a.status[0] in "123" and a.status != "default")
        return found or tuple(a for a in self.answers if a.status == "default")

    @property
    def streams(self) -> tuple[Answer, ...]:
        """The answers that come bit by bit."""
        return tuple(a for a in self.good if a.kind in _STREAMS)

    @property
    def only_streams(self) -> bool:
        """Whether it answers in no other way."""
        return bool(self.streams) and len({a.kind for a in self.good if a.kind != "none"}) == 1

    def accept(self, *, streams: bool) -> str:
        """The media types to ask for: those of streams, or those of answers that come as a whole."""
        wanted = [a.media for a in self.good if (a.kind in _STREAMS) == streams and a.media]
        said = wanted or [a.media for a in self.answers if a.media]
        return ", ".join(dict.fromkeys(said)) or "*/*"

    @property
    def bad(self) -> tuple[Answer, ...]:
        """What it fails with."""
        good = self.good
        return tuple(a for a in self.answers if a not in good)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is; `variables` are the values of `{names}` in the address."""

    url: str
    doc: str
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """The address with the values of its variables."""
        url = self.url
        for name, value in self.variables:
            url = url.replace("{" + name + "}", value)
        return url


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way to say who asks: `name` is the header, query parameter or cookie of an API key."""

    key: str
    kind: Literal["api-key", "basic", "bearer", "oauth2", "other"]
    location: str = ""
    name: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """What the API sends by itself, to whoever asked to be told."""

    name: str
    method: str
    bodies: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """A whole API; declarations are by key, in the order in which they are written."""

    title: str
    version: str
    doc: str
    licence: str
    servers: tuple[Server, ...]
    schemes: tuple[Scheme, ...]
    security: tuple[tuple[str, ...], ...]
    operations: tuple[Operation, ...]
    declarations: Mapping[str, Declaration]
    groups: Mapping[str, str]
    webhooks: tuple[Webhook, ...] = ()

    def plain(self, type_: Type) -> Type:
        """What a type is once aliases are followed."""
        steps = 0
        while isinstance(type_, Named) and steps < 50:  # noqa: PLR2004 - aliases of aliases that never end
            declared = self.declarations[type_.key]
            if not isinstance(declared, Alias):
                return type_
            type_, steps = declared.type, steps + 1
        return type_

    def record(self, type_: Type | None) -> Record | None:
        """The record that a type is, if it is one."""
        plain = self.plain(type_) if type_ is not None else None
        if isinstance(plain, Nullable):
            plain = self.plain(plain.inner)
        found = self.declarations[plain.key] if isinstance(plain, Named) else None
        return found if isinstance(found, Record) else None

    def only_value(self, type_: Type) -> str | int | float | None:
        """The value of a type that has no other."""
        plain = self.plain(type_)
        if isinstance(plain, Constant):
            return plain.value
        found = self.declarations[plain.key] if isinstance(plain, Named) else None
        return found.values[0] if isinstance(found, Choice) and len(found.values) == 1 else None
