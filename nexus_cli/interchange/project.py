"""A compose project as compose sees it: files merged, variables replaced, `extends`, `include` followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.source import Location
from nexus_cli.errors import UsageError
from nexus_cli.interchange import canonical, shapes
from nexus_cli.interchange.located import ComposeFault, Map, Override, Seq, Text, place, read
from nexus_cli.interchange.merge import merge, settled
from nexus_cli.interchange.variables import BadTemplate, env_file, interpolate

RESOURCES = ("volumes", "networks", "configs", "secrets")
MOST_FILES = 200
_OWN = {"version", "name", "include", "services", *RESOURCES}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person says beside the files: profiles, env files, the folder that paths are relative to."""

    files: Sequence[Path]
    profiles: Sequence[str] = ()
    env_files: Sequence[Path] = ()
    directory: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Project:
    """Services and resources by name, in their one form; `inactive` are those of profiles not chosen.

    `variables` are all that texts may name, `from_files` those of them that stand in env files.
    """

    name: str
    directory: Path
    services: dict[str, Map]
    resources: dict[str, dict[str, Map | None]]
    elsewhere: Map
    inactive: dict[str, Map]
    unset: dict[str, Location]
    variables: Mapping[str, str]
    from_files: Mapping[str, str]

    @property
    def described(self) -> dict[str, Map]:
        """All services, also those whose profile was not chosen."""
        return {**self.services, **self.inactive}


def load(choice: Choice) -> Project:
    """The project that the files describe together; raises with file and line what cannot be understood."""
    directory = (choice.directory or choice.files[0].parent).resolve()
    values, written_names = _variables(choice, directory)
    reader = _Reader()
    whole = _Whole(Location(reader.shown(choice.files[0])))
    for path in choice.files:
        whole.add(reader.document(path, directory, values))
    profiles = set(choice.profiles or map(str.strip, values.get("COMPOSE_PROFILES", "").split(",")))
    services = {name: settled(service) for name, service in whole.services.items()}
    for name, service in services.items():
        shapes.check(service, shapes.SERVICE, service.where, name)
    for kind, entries in whole.resources.items():
        for name, entry in entries.items():
            shapes.check(entry, shapes.RESOURCES[kind], whole.top.where, f"{kind}.{name}")
    inactive = {name: s for name, s in services.items() if not _is_active(s, profiles)}
    _check_profiles(choice.profiles, services)
    written = whole.top.get("name")
    name = values.get("COMPOSE_PROJECT_NAME") or (str(written) if written else directory.name)
    return Project(
        name=name,
        directory=directory,
        services={name: service for name, service in services.items() if name not in inactive},
        resources=whole.resources,
        elsewhere=Map(
            {k: v for k, v in whole.top.items() if k not in _OWN}, whole.top.where, whole.top.keys_at
        ),
        inactive=inactive,
        unset=reader.unset,
        variables=values,
        from_files={name: values[name] for name in written_names},
    )


def _variables(choice: Choice, directory: Path) -> tuple[dict[str, str], list[str]]:
    """What texts may name: nexus's own environment before the env files; and which names these files have."""
    files = choice.env_files or [path for path in [directory / ".env"] if path.is_file()]
    values: dict[str, str] = {}
    for path in files:
        found = env_file(path, _shown(path), {**values, **choice.environment})
        values |= {name: value for name, value in found.items() if value is not None}
    return {**values, **choice.environment}, list(values)


def _check_profiles(wanted: Sequence[str], services: Mapping[str, Map]) -> None:
    known = {profile for service in services.values() for profile in service.get("profiles") or ()}
    for profile in wanted:
        if profile not in {*known, "*"}:
            hint = did_you_mean(profile, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f'no service has the profile "{profile}"', hint=hint)


def _is_active(service: Map, profiles: set[str]) -> bool:
    mine = service.get("profiles") or ()
    return not mine or "*" in profiles or bool(profiles.intersection(mine))


def _shown(path: Path) -> str:
    """A path as a person would write it from here."""
    relative = os.path.relpath(path.resolve())
    return relative if not relative.startswith(f"..{os.sep}..") else str(path)


class _Whole:
    """What all files together say."""

    def __init__(self, where: Location) -> None:
        self.top = Map({}, where)
        self.services: dict[str, Map] = {}
        self.resources: dict[str, dict[str, Map | None]] = {kind: {} for kind in RESOURCES}

    def add(self, document: _Document) -> None:
        """Lay another file over those before."""
        for included in document.included:
            self._include(included)
        self.top.update(document.top)
        self.top.keys_at.update(document.top.keys_at)
        for name, service in document.services.items():
            before = self.services.get(name)
            self.services[name] = merge(before, service) if before is not None else service
        for kind, entries in document.resources.items():
            for name, entry in entries.items():
                under = self.resources[kind].get(name)
                self.resources[kind][name] = merge(under, entry) if under and entry else entry or under

    def _include(self, other: _Whole) -> None:
        for name, service in other.services.items():
            if name in self.services and self.services[name] != service:
                raise ComposeFault(
                    f'the service "{name}" of an included file is described here as well', service.where
                )
            self.services[name] = service
        for kind, entries in other.resources.items():
            self.resources[kind] |= {
                name: e for name, e in entries.items() if not self.resources[kind].get(name)
            }


@dataclass(slots=True)
class _Document:
    """One file: its services in their one form, with what they extend."""

    top: Map
    services: dict[str, Map]
    resources: dict[str, dict[str, Map | None]]
    included: list[_Whole]


class _Reader:
    """Reads files, each variable without a value remembered at its first place."""

    def __init__(self) -> None:
        self.unset: dict[str, Location] = {}
        self.reads = 0

    def shown(self, path: Path) -> str:
        """A file's name in messages."""
        return _shown(path)

    def document(
        self, path: Path, base: Path, values: Mapping[str, str], including: tuple[Path, ...] = ()
    ) -> _Document:
        """A file with all that it extends and includes."""
        top = self._text(path, values)
        services = _section(top, "services")
        done: dict[str, Map] = {}
        for name in services:
            self._extended(services, name, base, path, values, done, ())
        resources = {kind: dict(self._resources(top, kind, base)) for kind in RESOURCES}
        included = list(self._included(top, base, path, values, (*including, path.resolve())))
        return _Document(top, done, resources, included)

    def _text(self, path: Path, values: Mapping[str, str]) -> Map:
        self.reads += 1
        if self.reads > MOST_FILES:
            raise UsageError(f"more than {MOST_FILES} files belong to this project")
        top = read(path, self.shown(path))
        return Map(
            {k: v if k.startswith("x-") else self._filled(v, values) for k, v in top.items()},
            top.where,
            top.keys_at,
        )

    def _filled(self, value: Any, values: Mapping[str, str]) -> Any:
        if isinstance(value, Text):
            return self._replaced(value, values)
        if isinstance(value, Map):
            filled = {key: self._filled(item, values) for key, item in value.items()}
            return Map(filled, value.where, value.keys_at)
        if isinstance(value, Seq):
            return Seq([self._filled(item, values) for item in value], value.where)
        return Override(self._filled(value.value, values)) if isinstance(value, Override) else value

    def _replaced(self, text: Text, values: Mapping[str, str]) -> Text:
        def unset(name: str) -> None:
            self.unset.setdefault(name, text.where)

        try:
            filled = interpolate(text, values, unset)
        except BadTemplate as fault:
            hint = (
                "give it in the environment, in .env, or in a file named by --env-file"
                if "must have a value" in str(fault)
                else "a dollar sign that stands for itself is written $$"
            )
            raise ComposeFault(str(fault), text.where, hint) from fault
        return Text(filled, text.where)

    def _extended(
        self,
        services: Map,
        name: str,
        base: Path,
        path: Path,
        values: Mapping[str, str],
        done: dict[str, Map],
        trail: tuple[str, ...],
    ) -> Map:
        """A service in its one form, laid over the one that it extends."""
        if name in done:
            return done[name]
        where = services.at(name)
        if name in trail:
            raise ComposeFault(f"services extend one another: {' -> '.join([*trail, name])}", where)
        written = services[name]
        if isinstance(written, Override):
            written = written.value
        if not isinstance(written, Map):
            raise ComposeFault(f'the service "{name}" is not a mapping', where)
        own = canonical.service(
            Map({k: v for k, v in written.items() if k != "extends"}, where, written.keys_at), base
        )
        extends = written.get("extends")
        if extends is not None:
            below = self._base(
                extends, written.at("extends"), services, base, path, values, done, (*trail, name)
            )
            own = merge(below, own)
        done[name] = own
        return own

    def _base(
        self,
        extends: Any,
        where: Location,
        services: Map,
        base: Path,
        path: Path,
        values: Mapping[str, str],
        done: dict[str, Map],
        trail: tuple[str, ...],
    ) -> Map:
        named = extends if isinstance(extends, Map) else Map({"service": extends}, where)
        name, file = str(named.get("service") or ""), named.get("file")
        if file is None:
            _known(services, name, where)
            return self._extended(services, name, base, path, values, done, trail)
        other = Path(canonical.absolute(file, base))
        if f"{other}#{name}" in trail:
            raise ComposeFault(f"services extend one another: {' -> '.join(trail)}", where)
        if not other.is_file():
            raise ComposeFault(f"there is no file {file}", where, f"it is looked for at {_shown(other)}")
        found = _section(self._text(other, values), "services")
        _known(found, name, where)
        return self._extended(found, name, other.parent, other, values, {}, (*trail, f"{other}#{name}"))

    def _resources(self, top: Map, kind: str, base: Path) -> Iterator[tuple[str, Map | None]]:
        entries = _section(top, kind)
        for name, entry in entries.items():
            if entry is not None and not isinstance(entry, Map):
                raise ComposeFault(f"{kind}.{name} is not a mapping", place(entry, entries.at(name)))
            yield name, canonical.resource(entry, base) if entry is not None else None

    def _included(
        self, top: Map, base: Path, path: Path, values: Mapping[str, str], including: tuple[Path, ...]
    ) -> Iterator[_Whole]:
        for entry in top.get("include") or ():
            where = place(entry, top.at("include"))
            named = entry if isinstance(entry, Map) else Map({"path": entry}, where)
            written = named.get("path")
            if not written:
                raise ComposeFault("an include needs a path", where)
            paths = [
                Path(canonical.absolute(p, base))
                for p in ([written] if isinstance(written, str) else written)
            ]
            for other in paths:
                if other.resolve() in including:
                    raise ComposeFault(f"{_shown(path)} and {_shown(other)} include one another", where)
                if not other.is_file():
                    raise ComposeFault(f"there is no file {_shown(other)}", where)
            folder = named.get("project_directory")
            inner = Path(canonical.absolute(folder, base)) if folder else paths[0].parent
            whole = _Whole(where)
            known = self._of_include(named, base, inner, values)
            for other in paths:
                whole.add(self.document(other, inner, known, including))
            yield whole

    def _of_include(
        self, named: Map, base: Path, folder: Path, values: Mapping[str, str]
    ) -> Mapping[str, str]:
        """What the texts of an included file may name: the outer values before its own env files."""
        written = named.get("env_file")
        files = [written] if isinstance(written, str) else list(written or ())
        paths = [Path(canonical.absolute(file, base)) for file in files] or [folder / ".env"]
        found: dict[str, str] = {}
        for path in paths:
            if files or path.is_file():
                entries = env_file(path, _shown(path), {**found, **values})
                found |= {name: value for name, value in entries.items() if value is not None}
        return {**found, **values}


def _section(top: Map, key: str) -> Map:
    section = top.get(key)
    if section is None:
        return Map({}, top.where)
    if not isinstance(section, Map):
        raise ComposeFault(f"`{key}` is not a mapping", top.at(key))
    return section


def _known(services: Map, name: str, where: Location) -> None:
    if name not in services:
        hint = did_you_mean(name, services) or f"there are: {', '.join(sorted(services))}"
        raise ComposeFault(f'extends an unknown service "{name}"', where, hint)


def service_environment(service: Map, variables: Mapping[str, str]) -> tuple[Map, list[Text]]:
    """A service's variables from its env files and its own `environment`; and the files that are missing.

    A variable that is only named takes its value from outside; without one there it stays None.
    """
    values = Map({}, service.where)
    missing: list[Text] = []
    for entry in service.get("env_file") or ():
        path, raw = Path(entry["path"]), entry.get("format") == "raw"
        if not path.is_file():
            if is_true(entry.get("required", "true")):
                missing.append(entry["path"])
            continue
        for name, value in env_file(path, _shown(path), variables, raw=raw).items():
            found = variables.get(name) if value is None else value
            if found is not None:
                values[name] = Text(found, place(entry["path"], entry.where))
    own = service.get("environment") or Map({}, service.where)
    for name, value in own.items():
        values[name] = variables.get(name) if value is None else value
        values.keys_at[name] = own.at(name)
    return values, missing


def is_true(value: Any) -> bool:
    """Whether a written value means yes."""
    return str(value).lower() in {"true", "yes", "on", "1", "y"}


def project_name(text: str) -> str:
    """A platform's name made of a project's or a folder's."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-0123456789") or "platform"
