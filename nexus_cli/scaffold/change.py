"""`generate resource|route|event|migration`: a service's blueprint is edited and its code follows, at once.

What is added is checked as if it had been written by hand, before anything is written: the blueprint's own
form first, then every rule of `lint` that it would newly break.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from nexus_generators.generator import File, text
from nexus_generators.writer import recover

from nexus_cli.blueprint import edit
from nexus_cli.blueprint.edit import Value
from nexus_cli.blueprint.fields import TYPES, parse_field
from nexus_cli.blueprint.lint import lint
from nexus_cli.blueprint.linting.rule import provided
from nexus_cli.blueprint.load import CATALOGUE, BlueprintFault, did_you_mean, load, with_service
from nexus_cli.blueprint.model import OPERATIONS, Platform, Service
from nexus_cli.blueprint.source import Finding, Source
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.app import Edit, bring_up, supply
from nexus_cli.scaffold.describe import check_name
from nexus_cli.scaffold.outcome import Choice, Outcome

Direction = Literal["publishes", "consumes"]

BUS, BUS_VARIABLE = "nats", "NATS_URL"
"""The event bus that a service is given which has none, and what every event bus provides."""

MOMENTS = ("created", "updated", "deleted")


@dataclass(frozen=True, slots=True)
class Details:
    """What may be said of a resource besides its fields; what is empty goes without saying."""

    plural: str = ""
    operations: Sequence[str] = ()
    states: Sequence[str] = ()
    events: Sequence[str] = ()
    tenant: bool | None = None

    def said(self, resource: str) -> dict[str, Value]:
        """The keys of the blueprint."""
        said: dict[str, Value] = {} if self.tenant is None else {"tenant": str(self.tenant).lower()}
        said |= {"plural": self.plural} if self.plural else {}
        said |= {"operations": _operations(self.operations)} if self.operations else {}
        said |= {"states": _steps(self.states)} if self.states else {}
        events = self.published(resource)
        return said | ({"events": {**events}} if events else {})

    def published(self, resource: str) -> dict[str, str]:
        """Its events by the moment of which each tells."""
        return {moment: f"{resource}.{moment}" for moment in _moments(self.events)}


def add_resource(
    root: Path,
    name: str,
    resource: str,
    fields: Sequence[str],
    choice: Choice,
    details: Details | None = None,
) -> Outcome:
    """Describe one more resource of a service: its table, endpoints and tests follow."""
    platform, service, described = _described(root, name, bus=bool(details and details.events))
    check_name(resource, "resource")
    if resource in service.resources:
        raise _present(platform, service, ["resources", resource], f'has a resource "{resource}"')
    wanted = details or Details()
    said: dict[str, Value] = {"fields": parse_fields(fields), **wanted.said(resource)}
    told = platform, service, described
    published = wanted.published(resource).values()
    events = [event for event in published if event not in service.events.publishes]
    also = [(["events", "publishes"], events), *_bus(platform, service)] if events else []
    return _change(root, told, [(["resources"], {resource: said}), *also], choice)


def add_route(root: Path, name: str, path: str, said: Mapping[str, Value], choice: Choice) -> Outcome:
    """Describe one more route to a service; `said` is what it says besides its path."""
    platform, service, described = _described(root, name)
    route = {"path": path, **said}
    for index, present in enumerate(service.routes):
        if (present.path, present.version) == (path, said.get("version")):
            raise _present(platform, service, ["routes", index], f"has the route {path}")
    return _change(root, (platform, service, described), [(["routes"], [route])], choice)


def add_event(root: Path, name: str, direction: Direction, event: str, choice: Choice) -> Outcome:
    """Describe one more event that a service publishes or consumes."""
    platform, service, described = _described(root, name, bus=True)
    present = service.events.publishes if direction == "publishes" else service.events.consumes
    if event in present:
        place = ["events", direction, present.index(event)]
        raise _present(platform, service, place, f"{direction} {event}")
    additions = [(["events", direction], [event]), *_bus(platform, service)]
    return _change(root, (platform, service, described), additions, choice)


def add_migration(root: Path, name: str, choice: Choice) -> Outcome:
    """Bring a service up to its blueprint, with the migration that its model needs or a person will write."""
    platform, service, described = _described(root, name)
    outcome = bring_up(root, platform, [service], described, choice)
    if any(change.status == "created" and "/migrations/" in change.path for change in outcome.changes):
        return outcome
    note = f"the migrations of {name} make what its blueprint says: there is nothing to add"
    return replace(outcome, notes=(*outcome.notes, note))


def parse_fields(words: Sequence[str]) -> dict[str, Value]:
    """Fields from words such as `amount:money` or `status:enum(draft, paid) = draft`."""
    fields: dict[str, Value] = {}
    for word in words:
        name, colon, written = word.partition(":")
        if not colon or not name or not written:
            raise UsageError(f"expected a field such as amount:money, got {word!r}", hint="write NAME:TYPE")
        if name in fields:
            raise UsageError(f'the field "{name}" is given twice', hint="give it once")
        try:
            parse_field(written)
        except ValueError as error:
            hint = did_you_mean(written.split("(")[0].split()[0], TYPES) if written.strip() else None
            raise UsageError(f"{name}: {error}", hint=hint) from error
        fields[name] = written.strip()
    if not fields:
        raise UsageError("a resource has at least one field", hint="such as name:string")
    return fields


def _operations(given: Sequence[str]) -> list[str]:
    for operation in given:
        if operation not in OPERATIONS:
            hint = did_you_mean(operation, OPERATIONS) or f"there are: {', '.join(OPERATIONS)}"
            raise UsageError(f'unknown operation "{operation}"', hint=hint)
    return list(given)


def _steps(given: Sequence[str]) -> dict[str, Value]:
    """States from words such as `draft:open`; a state that leads to several is given several times."""
    steps: dict[str, list[str]] = {}
    for word in given:
        before, colon, after = word.partition(":")
        if not (before and colon and after):
            raise UsageError(f"expected a step such as draft:open, got {word!r}", hint="write FROM:TO")
        steps.setdefault(before, []).append(after)
    return {**steps}


def _moments(given: Sequence[str]) -> Sequence[str]:
    for moment in given:
        if moment not in MOMENTS:
            hint = did_you_mean(moment, MOMENTS) or f"there are: {', '.join(MOMENTS)}"
            raise UsageError(f'a resource has no event "{moment}"', hint=hint)
    return given


Additions = Sequence[tuple[Sequence[str], Value]]
"""What is added to a blueprint: each with the path of the list or mapping that it is added to."""

Described = tuple[Platform, Service, Edit]
"""A platform with all that one of its services uses, the service, and what `include` then needs."""


def _bus(platform: Platform, service: Service) -> Additions:
    """What lets a service have events: the event bus among its uses, where it has none yet."""
    return [] if BUS_VARIABLE in provided(platform, service) else [(["uses"], [BUS])]


def _described(root: Path, name: str, *, bus: bool = False) -> Described:
    """A service by name, whose blueprint must be the workspace's own; with `bus`, one is there for it."""
    recover(root)
    platform = load(root)
    service = platform.services.get(name)
    if service is None:
        known = ", ".join(platform.services) or "none"
        hint = did_you_mean(name, platform.services) or f"there are: {known}"
        raise UsageError(f'there is no service "{name}"', hint=hint)
    source = platform.sources["service", name]
    if source.file.startswith(CATALOGUE):
        raise UsageError(
            f"{source.at(['name'])}: {name} comes with nexus", hint="write a blueprint of your own"
        )
    told, included = supply(root, platform, [service])
    if bus and _bus(told, service):
        told, included = supply(root, platform, [service], also=[BUS])
    return told, service, included


def _present(platform: Platform, service: Service, path: Sequence[str | int], what: str) -> UsageError:
    """The refusal to say again what the blueprint says at `path`."""
    where = platform.sources["service", service.name].at(path, key=True)
    return UsageError(f"{where}: {service.name} {what} already", hint="change it there")


def _change(root: Path, described: Described, additions: Additions, choice: Choice) -> Outcome:
    """Edit the blueprint, check what it then says, and bring the service up to it."""
    platform, service, included = described
    source = platform.sources["service", service.name]
    before = File((root / source.file).read_bytes())
    edited = source
    for path, value in additions:
        edited = Source(source.file, edit.add(edited, path, value))
    changed = with_service(platform, edited)
    notes = _refuse_new_faults(platform, changed)
    files = {**included.files, source.file: text(edited.text)}
    description = Edit(files, {**included.base, source.file: before.digest}, notes)
    return bring_up(root, changed, [changed.services[service.name]], description, choice)


def _refuse_new_faults(before: Platform, after: Platform) -> tuple[str, ...]:
    """Refuse the errors that a change would bring; its warnings are told."""
    known = {(finding.rule, finding.message) for finding in lint(before)}
    new = [finding for finding in lint(after) if (finding.rule, finding.message) not in known]
    errors = [finding for finding in new if finding.severity == "error"]
    if errors:
        raise BlueprintFault(errors)
    return tuple(_said(finding) for finding in new if finding.severity == "warning")


def _said(finding: Finding) -> str:
    return f"{finding.where}: {finding.message}"
