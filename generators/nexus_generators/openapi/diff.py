"""What changed between two versions of an API, and whether callers of the old one may rely on the new one.

    old, new = build(load(old_text, "old.yaml")), build(load(new_text, "new.yaml"))
    broken = [change for change in changes(old, new) if change.breaking]

`changes` is a pure function over the model: nothing is read, and no service has to run. It gives every change
of every operation once, in the order of the old document, then of the new one; two equal APIs give none. A
change is

- `breaking`: a caller that did as the old document says may fail, or reads something else, with the new one;
- `source`: requests and answers stay good, but the code of a generated client reads differently (an operation
  was named anew, or does not page any more), so its next version is a major one;
- `compatible`: all that worked goes on working.

Judged are types, enums, limits of values (lengths, ranges, counts, patterns, formats), required and default
values, parameters, bodies, media types, statuses, webhooks, authentication, paging and deprecations. Texts
are not judged. Names of schemas and of path parameters do not go over the wire and count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nexus_generators.openapi.compatible import Types
from nexus_generators.openapi.model import Answer, Api, Operation, Parameter

Level = Literal["breaking", "source", "compatible"]
_BRACES = re.compile(r"\{[^{}]*\}")
_PARTS = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not what it was.

    `operation` is `GET /pets/{id}`, empty for what concerns the whole API; `place` says where in it:
    `query limit`, `body Pet.tag`, `answer 200 Pet.tag`.
    """

    level: Level
    code: str
    operation: str
    place: str
    message: str

    @property
    def breaking(self) -> bool:
        """Whether a caller of the old API may fail."""
        return self.level == "breaking"


def changes(old: Api, new: Api) -> tuple[Change, ...]:
    """Every change from one version of an API to the next."""
    return tuple(_Diff(old, new).all())


def next_version(version: str, found: Sequence[Change]) -> str:
    """The version that semantic versioning asks for after changes; before 1.0.0 the second number breaks."""
    numbers = [int(part) for part in re.findall(r"\d+", version.partition("-")[0].partition("+")[0])][:_PARTS]
    major, minor, patch = [*numbers, 0, 0, 0][:_PARTS]
    if any(change.level != "compatible" for change in found):
        return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
    if found:
        return f"{major}.{minor + 1}.0" if major else f"0.{minor}.{patch + 1}"
    return f"{major}.{minor}.{patch}"


def _breaks(breaking: bool) -> Level:
    return "breaking" if breaking else "compatible"


def _shape(operation: Operation) -> tuple[str, str]:
    """What tells operations apart on the wire: names in a path do not."""
    return operation.method, _BRACES.sub("{}", operation.path)


class _Diff:
    def __init__(self, old: Api, new: Api) -> None:
        self.old, self.new = old, new
        self.types = Types(old, new)

    def all(self) -> Iterator[Change]:
        yield from self._api()
        before = {_shape(operation): operation for operation in self.old.operations}
        after = {_shape(operation): operation for operation in self.new.operations}
        for shape, operation in before.items():
            if shape in after:
                yield from self._operation(operation, after[shape])
            else:
                said = "is gone, after it was deprecated" if operation.deprecated else "is gone"
                yield Change("breaking", "operation-removed", operation.key, "", said)
        for shape, operation in after.items():
            if shape not in before:
                yield Change("compatible", "operation-added", operation.key, "", "is new")

    def _api(self) -> Iterator[Change]:
        was, now = ({s.key: s for s in api.schemes} for api in (self.old, self.new))
        for key, one in was.items():
            other = now.get(key)
            if other and (one.kind, one.location, one.name) != (other.kind, other.location, other.name):
                said = f"credentials {key!r} are given in another way"
                yield Change("breaking", "scheme", "", "security", said)
        old, new = ([server.address for server in api.servers] for api in (self.old, self.new))
        if old[:1] != new[:1]:
            first, before = (found[0] if found else "not said" for found in (new, old))
            said = f"the first server is {first}, no longer {before}"
            yield Change("source", "server", "", "servers", said)
        yield from self._webhooks()

    def _webhooks(self) -> Iterator[Change]:
        """What the API tells by itself is read as an answer is."""
        was, now = ({(one.name, one.method): one for one in api.webhooks} for api in (self.old, self.new))
        for key, webhook in was.items():
            place = f"webhook {webhook.name}"
            if key not in now:
                yield Change("breaking", "webhook-removed", "", place, "is gone")
                continue
            bodies = {body.media: body for body in now[key].bodies}
            for body in webhook.bodies:
                if body.media not in bodies:
                    yield Change(
                        "breaking", "media-removed", "", place, f"does not come as {body.media} any more"
                    )
                    continue
                for found in self.types.differences(body.type, bodies[body.media].type, "", sent=False):
                    at = f"{place} {found.place}".strip()
                    yield Change(_breaks(found.breaking), found.code, "", at, found.message)
        for key, webhook in now.items():
            if key not in was:
                yield Change("compatible", "webhook-added", "", f"webhook {webhook.name}", "is new")

    def _operation(self, old: Operation, new: Operation) -> Iterator[Change]:
        if (old.group, old.name) != (new.group, new.name):
            said = f"is called {new.group}/{new.name}, no longer {old.group}/{old.name}"
            yield Change("source", "operation-renamed", new.key, "", said)
        if new.deprecated and not old.deprecated:
            yield Change("compatible", "deprecated", new.key, "", "is deprecated now")
        if old.paging and not new.paging:
            yield Change("source", "paging", new.key, "", "leads to no next page any more")
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._bodies(old, new)
        yield from self._answers(old, new)

    def _security(self, old: Operation, new: Operation) -> Iterator[Change]:
        was = self.old.security if old.security is None else old.security
        now = self.new.security if new.security is None else new.security
        before, after = ({frozenset(way) for way in ways} or {frozenset[str]()} for ways in (was, now))
        if any(not any(needed <= way for needed in after) for way in before):
            said = "asks for other credentials" if any(before) else "asks for credentials now"
            yield Change("breaking", "security", new.key, "security", said)
        elif before != after:
            said = "takes other credentials too" if all(after) else "needs no credentials any more"
            yield Change("compatible", "security", new.key, "security", said)

    def _parameters(self, old: Operation, new: Operation) -> Iterator[Change]:
        before, after = _keyed(old), _keyed(new)
        for key, parameter in before.items():
            place = f"{parameter.location} {parameter.name}"
            if key in after:
                yield from self._parameter(parameter, after[key], new.key, place)
            else:
                yield Change("breaking", "parameter-removed", new.key, place, "is gone")
        for key, parameter in after.items():
            if key not in before:
                place = f"{parameter.location} {parameter.name}"
                said = "is new, and required" if parameter.required else "is new"
                yield Change(_breaks(parameter.required), "parameter-added", new.key, place, said)

    def _parameter(self, old: Parameter, new: Parameter, key: str, place: str) -> Iterator[Change]:
        if old.required != new.required:
            said = "is required now" if new.required else "may be left out now"
            yield Change(_breaks(new.required), "required", key, place, said)
        if (old.style, old.explode, old.json) != (new.style, new.explode, new.json):
            yield Change("breaking", "style", key, place, "is written in another way")
        if old.default != new.default:
            said = f"left out, it meant {old.default!r} and means {new.default!r} now"
            yield Change(_breaks(old.default is not None), "default", key, place, said)
        if new.deprecated and not old.deprecated:
            yield Change("compatible", "deprecated", key, place, "is deprecated now")
        for found in self.types.differences(old.type, new.type, place, sent=True):
            yield Change(_breaks(found.breaking), found.code, key, found.place, found.message)

    def _bodies(self, old: Operation, new: Operation) -> Iterator[Change]:
        was, now = ({body.media: body for body in operation.bodies} for operation in (old, new))
        for media, body in was.items():
            if media not in now:
                said = f"{media} is not taken any more"
                yield Change("breaking", "media-removed", new.key, "body", said)
                continue
            for found in self.types.differences(body.type, now[media].type, "", sent=True):
                place = f"body {found.place}".strip()
                yield Change(_breaks(found.breaking), found.code, new.key, place, found.message)
        if not was and now:
            said = "is new, and required" if new.body_required else "is new"
            yield Change(_breaks(new.body_required), "body-added", new.key, "body", said)
            return
        for media in now:
            if media not in was:
                yield Change("compatible", "media-added", new.key, "body", f"{media} is taken, too")
        if was and now and old.body_required != new.body_required:
            said = "is required now" if new.body_required else "may be left out now"
            yield Change(_breaks(new.body_required), "required", new.key, "body", said)

    def _answers(self, old: Operation, new: Operation) -> Iterator[Change]:
        was, now = _by_status(old), _by_status(new)
        for status, medias in was.items():
            place = f"answer {status}"
            if status not in now:
                gone = status in {answer.status for answer in old.good}
                yield Change(_breaks(gone), "status-removed", new.key, place, "is gone")
                continue
            for media, answer in medias.items():
                yield from self._answer(answer, now[status].get(media), new.key, place)
            for media in now[status]:
                if media and media not in medias and "" not in medias:
                    yield Change("compatible", "media-added", new.key, place, f"comes as {media}, too")
        for status in now:
            if status not in was:
                yield Change("compatible", "status-added", new.key, f"answer {status}", "is new")

    def _answer(self, old: Answer, new: Answer | None, key: str, place: str) -> Iterator[Change]:
        if new is None:
            said = f"does not come as {old.media} any more" if old.media else "has a body now"
            yield Change(_breaks(bool(old.media)), "media-removed", key, place, said)
        elif old.type is not None and new.type is not None:
            for found in self.types.differences(old.type, new.type, "", sent=False):
                at = f"{place} {found.place}".strip()
                yield Change(_breaks(found.breaking), found.code, key, at, found.message)


def _keyed(operation: Operation) -> dict[tuple[str, str], Parameter]:
    """Parameters by what the wire shows of them: those of a path by where they stand, headers in any case."""
    order = _BRACES.findall(operation.path)
    found: dict[tuple[str, str], Parameter] = {}
    for parameter in operation.parameters:
        name = parameter.name
        if parameter.location == "path":
            name = str(order.index("{" + name + "}"))
        found[parameter.location, name.lower() if parameter.location == "header" else name] = parameter
    return found


def _by_status(operation: Operation) -> dict[str, dict[str, Answer]]:
    found: dict[str, dict[str, Answer]] = {}
    for answer in operation.answers:
        found.setdefault(answer.status.upper(), {})[answer.media] = answer
    return found
