"""What differs between two types, part by part, and whether values of one are good for the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nexus_generators.openapi import limits
from nexus_generators.openapi.model import (
    Api,
    Array,
    Choice,
    Constant,
    Field,
    Map,
    Named,
    Nullable,
    Record,
    Scalar,
    Type,
    Union,
)

_WIDER = {("integer", "number"), ("date", "string"), ("date-time", "string"), ("uuid", "string")}
_NULL, _ANY = Scalar("null"), Scalar("any")


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not what it was: `place` reads `Pet.tag[]`; it breaks who relies on the old one."""

    code: str
    place: str
    message: str
    breaking: bool


@dataclass(frozen=True, slots=True)
class _Records:
    """Two records that stand at one place."""

    old: Record
    new: Record


class Types:
    """Compares types of two versions of an API; what two records differ in is worked out once.

    What is sent may become wider, never narrower; what is answered may become narrower, never wider. Values
    that an answer's enum gains are no break: our clients take values that they do not know.
    """

    def __init__(self, old: Api, new: Api) -> None:
        self._old, self._new = old, new
        self._known: dict[tuple[str, str, bool], tuple[list[Difference], list[_Records]]] = {}
        self._open: set[tuple[Type, Type, bool]] = set()

    def differences(self, old: Type, new: Type, place: str, *, sent: bool) -> list[Difference]:
        """Everything that differs below two types; `sent` by clients, else answered to them."""
        waiting: list[_Records] = []
        found = self._types(old, new, place, sent, waiting)
        done: set[tuple[str, str]] = set()
        while waiting:
            pair = waiting.pop(0)
            key = pair.old.key, pair.new.key
            if key in done:
                continue
            done.add(key)
            own, inner = self._within(pair, sent)
            found += own
            waiting += inner
        return found

    def _within(self, pair: _Records, sent: bool) -> tuple[list[Difference], list[_Records]]:
        key = pair.old.key, pair.new.key, sent
        if key not in self._known:
            inner: list[_Records] = []
            self._known[key] = (self._records(pair, sent, inner), inner)
        return self._known[key]

    def _types(self, old: Type, new: Type, place: str, sent: bool, inner: list[_Records]) -> list[Difference]:
        """What differs without looking into records, which go to `inner`."""
        asked = old, new, sent
        if asked in self._open:  # a type that holds itself: it is being looked at
            return []
        self._open.add(asked)
        try:
            return self._plain_types(old, new, place, sent, inner)
        finally:
            self._open.discard(asked)

    def _plain_types(
        self, old: Type, new: Type, place: str, sent: bool, inner: list[_Records]
    ) -> list[Difference]:
        was, was_null = _peeled(self._old, old)
        now, now_null = _peeled(self._new, new)
        found: list[Difference] = []
        if was_null != now_null and Scalar("any") not in {was, now}:
            said = "may be null now" if now_null else "may not be null any more"
            found.append(_judged("null", place, said, "wider" if now_null else "narrower", sent))
        found += _limited(was, now, place, sent)
        if isinstance(was, Array) and isinstance(now, Array):
            return found + self._types(was.item, now.item, f"{place}[]", sent, inner)
        if isinstance(was, Map) and isinstance(now, Map):
            return found + self._types(was.value, now.value, f"{place}{{}}", sent, inner)
        if isinstance(was, Union) or isinstance(now, Union):
            return found + self._unions(was, now, place, sent, inner)
        if isinstance(was, Named) and isinstance(now, Named):
            one, other = self._old.declarations[was.key], self._new.declarations[now.key]
            if isinstance(one, Record) and isinstance(other, Record):
                inner.append(_Records(one, other))
                return found
        return found + self._values(was, now, place, sent)

    def _values(self, was: Type, now: Type, place: str, sent: bool) -> list[Difference]:
        """Two types without parts in common: enums, constants, scalars, or different things altogether."""
        before, after = _allowed(self._old, was), _allowed(self._new, now)
        if before is not None and after is not None and type(before[0]) is type(after[0]):
            gone, fresh = (value for value in before if value not in after), set(after) - set(before)
            return [
                *(_judged("enum", place, f"{value!r} is gone", "narrower", sent) for value in gone),
                *(Difference("enum", place, f"{v!r} is new", breaking=False) for v in after if v in fresh),
            ]
        one, other = _kind(self._old, was), _kind(self._new, now)
        if one == other and (before is None) != (after is None):
            if before is None:
                said = f"only {_listed(after or ())} now, not any {other}"
                return [_judged("enum", place, said, "narrower", sent)]
            return [Difference("enum", place, f"any {other} now, not only the listed ones", breaking=False)]
        if one == other:
            return []
        span: limits.Span = "other"
        if "anything" in {one, other} or {(one, other), (other, one)} & _WIDER:
            span = "wider" if other == "anything" or (one, other) in _WIDER else "narrower"
        return [_judged("type", place, f"{one} became {other}", span, sent)]

    def _unions(
        self, was: Type, now: Type, place: str, sent: bool, inner: list[_Records]
    ) -> list[Difference]:
        left, right = list(_variants(was)), list(_variants(now))
        if Scalar("any") in {was, now}:
            return self._values(was, now, place, sent)
        pairs = [(one, right[right.index(one)]) for one in left if one in right]
        left, right = [one for one in left if one not in right], [one for one in right if one not in left]
        for one in list(left):
            same = next((other for other in right if self._alike(one, other, sent)), None)
            if same is not None:
                pairs.append((one, same))
                left.remove(one)
                right.remove(same)
        if len(left) == len(right) == 1:
            pairs.append((left.pop(), right.pop()))
        found: list[Difference] = []
        for one, other in pairs:
            found += self._types(one, other, place, sent, inner)
        for one in left:
            said = f"{_kind(self._old, one)} is no choice any more"
            found.append(_judged("union", place, said, "narrower", sent))
        for other in right:
            said = f"{_kind(self._new, other)} is a new choice"
            found.append(_judged("union", place, said, "wider", sent))
        if isinstance(was, Union) and isinstance(now, Union) and was.discriminator and now.discriminator:
            found += _discriminators(was, now, place)
        return found

    def _alike(self, one: Type, other: Type, sent: bool) -> bool:
        return not self.differences(one, other, "", sent=sent)

    def _records(self, pair: _Records, sent: bool, inner: list[_Records]) -> list[Difference]:
        before, after = _fields(pair.old, sent), _fields(pair.new, sent)
        found: list[Difference] = []
        for name, field in before.items():
            place = f"{pair.old.name}.{name}"
            if name in after:
                found += self._fields(field, after[name], place, sent, inner)
            else:
                found.append(Difference("field-removed", place, "is gone", breaking=True))
        for name, field in after.items():
            if name not in before:
                said = "is new, and required" if sent and field.required else "is new"
                breaking = sent and field.required
                found.append(Difference("field-added", f"{pair.new.name}.{name}", said, breaking))
        name = pair.old.name
        for code, said, span in limits.differences(pair.old.limits, pair.new.limits):
            found.append(_judged(code, name, said, span, sent))
        if pair.old.closed != pair.new.closed:
            said = "takes no other fields any more" if pair.new.closed else "may have other fields, too"
            found.append(Difference("closed", name, said, breaking=sent and pair.new.closed))
        elif not pair.old.closed:
            rest = pair.old.extra or _ANY, pair.new.extra or _ANY
            found += self._types(*rest, f"{name}{{}}", sent, inner)
        return found

    def _fields(
        self, was: Field, now: Field, place: str, sent: bool, inner: list[_Records]
    ) -> list[Difference]:
        found = self._types(was.type, now.type, place, sent, inner)
        if was.required != now.required:
            said = "is required now" if now.required else "may be left out now"
            found.append(_judged("required", place, said, "narrower" if now.required else "wider", sent))
        if sent and was.default != now.default:
            said = f"left out, it meant {was.default!r} and means {now.default!r} now"
            found.append(Difference("default", place, said, breaking=was.default is not None))
        if now.deprecated and not was.deprecated:
            found.append(Difference("deprecated", place, "is deprecated now", breaking=False))
        return found


def _limited(was: Type, now: Type, place: str, sent: bool) -> list[Difference]:
    """How limits of two types differ that have limits of the same sort."""
    match was, now:
        case (Scalar(one), Scalar(other)) if one == other or {(one, other), (other, one)} & _WIDER:
            pass
        case (Array(), Array()) | (Map(), Map()):
            pass
        case _:
            return []
    found = limits.differences(was.limits, now.limits)  # type: ignore[union-attr]
    return [
        Difference(code, place, said, breaking=sent and span == "narrower")
        if code == "enum"
        else _judged(code, place, said, span, sent)
        for code, said, span in found
    ]


def _judged(code: str, place: str, message: str, span: limits.Span, sent: bool) -> Difference:
    return Difference(code, place, message, span == "other" or (span == "narrower") == sent)


def _peeled(api: Api, type_: Type) -> tuple[Type, bool]:
    """A type without aliases and without null, and whether it may be null."""
    plain, null = api.plain(type_), False
    while isinstance(plain, Nullable):
        plain, null = api.plain(plain.inner), True
    return plain, null or plain == _NULL


def _variants(type_: Type) -> Sequence[Type]:
    return type_.variants if isinstance(type_, Union) else (type_,)


def _allowed(api: Api, type_: Type) -> tuple[str | float | bool, ...] | None:
    """The values that a type lists; none when it lists nothing."""
    if isinstance(type_, Constant):
        return (type_.value,)
    found = api.declarations[type_.key] if isinstance(type_, Named) else None
    return found.values or None if isinstance(found, Choice) else None


def _kind(api: Api, type_: Type) -> str:
    """A type in a word, as messages name it."""
    match type_:
        case Scalar(kind):
            return "anything" if kind == "any" else kind
        case Constant(value):
            return {str: "string", bool: "boolean", int: "integer"}.get(type(value), "number")
        case Array():
            return "list"
        case Map():
            return "map"
        case Union(variants):
            return "one of " + ", ".join(_kind(api, one) for one in variants)
        case Nullable(inner):
            return f"{_kind(api, inner)} or null"
        case Named(key):
            found = api.declarations[key]
            return found.kind if isinstance(found, Choice) else found.name


def _discriminators(was: Union, now: Union, place: str) -> Iterable[Difference]:
    if was.discriminator != now.discriminator:
        said = f"the kind stands in {now.discriminator!r}, no longer in {was.discriminator!r}"
        yield Difference("discriminator", place, said, breaking=True)
        return
    after, kept = dict(now.mapping), set(now.variants)
    for value, key in was.mapping:
        if value not in after and Named(key) in kept:
            yield Difference("discriminator", place, f"the kind {value!r} is gone", breaking=True)


def _fields(record: Record, sent: bool) -> dict[str, Field]:
    travelling = (f for f in record.fields if not (f.read_only if sent else f.write_only))
    return {f.name: replace(f, required=f.required or f.one_way) for f in travelling}


def _listed(values: Iterable[object]) -> str:
    return ", ".join(repr(value) for value in values)
