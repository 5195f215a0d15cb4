"""From a compose project to component blueprints: every key of every service has a say or a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.model import Component
from nexus_cli.blueprint.source import Location
from nexus_cli.interchange import places, scalars
from nexus_cli.interchange.draft import Context, Draft
from nexus_cli.interchange.keys import HANDLERS, NO_EFFECT, NOT_CARRIED, alias
from nexus_cli.interchange.located import ComposeFault, Map, Seq, Text, place, plain
from nexus_cli.interchange.project import Project, service_environment
from nexus_cli.interchange.report import Report
from nexus_cli.interchange.secret_values import Secrets

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(slots=True)
class Converted:
    """Blueprints by component, files that they mount, their secrets' values, and what became of each key."""

    name: str
    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    report: Report = field(default_factory=Report)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The workspace that components are added to: its names, its ports by who has them, its secrets."""

    root: Path
    names: frozenset[str] = frozenset()
    ports: Mapping[int, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


def convert(project: Project, around: Surroundings) -> Converted:
    """Every service as a component of the workspace; one of a profile that was not chosen keeps it."""
    report = Report()
    names: dict[str, str] = {}
    services = project.described
    for service in services:
        names[service] = scalars.name(service, {*names.values(), *around.names}, otherwise="service")
    secrets = Secrets(around.secrets)
    environments = {name: service_environment(s, project.variables) for name, s in services.items()}
    secrets.learn(project.name, project.from_files.items())
    for name, (variables, _) in environments.items():
        secrets.learn(name, [(k, v) for k, v in variables.items() if v])
    _copy_volumes_from(services)
    context = Context(
        project=project,
        root=around.root,
        report=report,
        secrets=secrets,
        names=names,
        others=around.names,
        taken=dict(around.ports),
        shared=places.shared_volumes(services, project.resources["volumes"]),
        jobs=_jobs(services),
        called=_link_names(services),
    )
    components = {}
    for service, written in services.items():
        draft = Draft(service, written, context)
        _convert(draft, *environments[service])
        if "image" in draft.data or "build" in draft.data:
            components[draft.name] = _ordered(draft)
    _refuse_cycles(context, components)
    _drop_dangling(components)
    _project_wide(project, report)
    named = {name for component in components.values() for name in component.get("secrets", ())}
    kept = {name: value for name, value in secrets.values.items() if name in named}
    return Converted(project.name, components, context.files, kept, report)


def _jobs(services: Mapping[str, Map]) -> set[str]:
    """The services whose end somebody waits for."""
    return {
        target
        for service in services.values()
        for target, entry in (service.get("depends_on") or {}).items()
        if entry.get("condition") == "service_completed_successfully"
    }


def _link_names(services: Mapping[str, Map]) -> dict[str, list[str]]:
    """What links call each service."""
    found: dict[str, list[str]] = {}
    for service in services.values():
        for written in service.get("links") or ():
            target, _, called = str(written).partition(":")
            if called and called != target:
                found.setdefault(target, []).append(called)
    return found


def _copy_volumes_from(services: dict[str, Map]) -> None:
    for service in services.values():
        for written in service.get("volumes_from") or ():
            name, _, mode = str(written).partition(":")
            source = services.get(name)
            if source is None:
                raise ComposeFault(
                    f'volumes_from names an unknown service "{name}"', place(written, service.where)
                )
            mine = service.setdefault("volumes", Seq([], place(written, service.where)))
            targets = {entry.get("target") for entry in mine}
            for entry in source.get("volumes") or ():
                if entry.get("target") not in targets:
                    more = {"read_only": Text("true", entry.where)} if mode == "ro" else {}
                    mine.append(Map({**entry, **more}, entry.where))


def _convert(draft: Draft, variables: Map, missing: list[Text]) -> None:
    written = draft.written
    if not written.get("image") and not written.get("build"):
        raise ComposeFault(f'the service "{draft.service}" has neither an image nor a build', written.where)
    if draft.name != draft.service:
        alias(draft, draft.service, "name", written.where)
        draft.adapted(
            "name", written.where, f"its blueprint is {draft.name}; others still reach it as before"
        )
    for called in draft.context.called.get(draft.service, ()):
        alias(draft, called, "links", written.where)
    for key, value in written.items():
        if not key.startswith("x-") and value is not None:
            _key(draft, key, value, written.at(key))
    _environment(draft, variables, missing)
    _ending(draft)


def _key(draft: Draft, key: str, value: Any, where: Location) -> None:
    """Carry one key; one of which nothing else was said is carried as it was."""
    before = len(draft.context.report.entries)
    if key in HANDLERS:
        HANDLERS[key](draft, value, where)
    elif key in NO_EFFECT:
        draft.adapted(key, where, NO_EFFECT[key])
    else:
        draft.lost(key, where, NOT_CARRIED.get(key, "nexus does not know this key"))
    if len(draft.context.report.entries) == before:
        draft.note(key, "carried", where)


def _ending(draft: Draft) -> None:
    """Whether the component is done once it ended; compose starts nothing again unless told to."""
    if draft.service in draft.context.jobs:
        draft.data["once"] = True
        draft.data.pop("restart", None)
        if draft.data.pop("health", None):
            where = draft.written.at("healthcheck")
            draft.adapted("healthcheck", where, "others wait for its end, not for its health")
    elif draft.data.setdefault("restart", "no") == "always":
        del draft.data["restart"]


def _environment(draft: Draft, variables: Map, missing: list[Text]) -> None:
    for path in missing:
        draft.lost("env_file", place(path, draft.written.where), f"there is no file {path}")
    kept: dict[str, str] = {}
    for name, value in variables.items():
        if value is not None and not _VARIABLE.fullmatch(name):
            draft.lost("environment", variables.at(name), f"{name!r} cannot be the name of a variable")
        elif value is not None:
            kept[name] = draft.text(str(value), name)
    draft.data["env"] = kept
    unset = [name for name, value in variables.items() if value is None]
    if unset:
        draft.adapted(
            "environment", variables.at(unset[0]), f"without a value here, left out: {', '.join(unset)}"
        )
    secret = [name for name, text in kept.items() if "${secrets." in text]
    if secret:
        reason = f"secrets, whose values are kept outside git: {', '.join(secret)}"
        draft.adapted("environment", variables.at(secret[0]), reason)


def _ordered(draft: Draft) -> dict[str, Any]:
    data = {"nexus": "v1", "kind": "component", "name": draft.name, **draft.data}
    keys = ("nexus", "kind", *(key for key in Component.model_fields if key not in {"nexus", "kind"}))
    return {key: plain(data[key]) for key in keys if data.get(key) not in ([], {}, "", None, False)}


def _refuse_cycles(context: Context, components: Mapping[str, Mapping[str, Any]]) -> None:
    edges = {name: tuple(component.get("uses", ())) for name, component in components.items()}
    for cycle in graph.cycles(edges):
        service = next(service for service, name in context.names.items() if name == cycle[0])
        written = context.project.described[service]
        path = " -> ".join([*cycle, cycle[0]])
        raise ComposeFault(f"services depend on one another: {path}", written.at("depends_on"))


def _drop_dangling(components: Mapping[str, dict[str, Any]]) -> None:
    """A component that could not be made is not used; that it is missing is reported already."""
    for component in components.values():
        if "uses" in component:
            component["uses"] = [use for use in component["uses"] if use in components]
            if not component["uses"]:
                del component["uses"]


def _project_wide(project: Project, report: Report) -> None:
    for key in project.elsewhere:
        if not key.startswith("x-"):
            report.add(project.name, key, "lost", project.elsewhere.at(key), "nexus does not know this key")
    open_port = places.open_to_others(project.described.values())
    if open_port is not None:
        reason = "every port is published on 127.0.0.1 only; other machines do not reach it"
        report.add(project.name, "ports", "adapted", open_port, reason)
    places.volume_resources(report, project.resources["volumes"], project.name)
    for name, network in project.resources["networks"].items():
        for key, value in (network or {}).items():
            if value is not None and network is not None and not key.startswith("x-"):
                reason = "a platform has one network of its own"
                fate = (
                    "adapted" if key in {"name", "driver", "attachable", "labels", "enable_ipv6"} else "lost"
                )
                report.add(project.name, f"networks.{name}.{key}", fate, network.at(key), reason)  # type: ignore[arg-type]
    for name, where in project.unset.items():
        report.add(project.name, f"${name}", "adapted", where, "has no value; an empty one is taken")
