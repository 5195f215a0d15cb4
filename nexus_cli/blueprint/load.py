"""From files to a `Platform`: every fault of every file is found in one run and has its place."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nexus_cli.blueprint.document import DocumentFault, parse, read, text_of
from nexus_cli.blueprint.model import (
    KINDS,
    Blueprint,
    Component,
    Environment,
    Package,
    Platform,
    PlatformSpec,
    Service,
)
from nexus_cli.blueprint.source import Finding, Source
from nexus_cli.errors import UsageError
from nexus_cli.resources import bundled
from nexus_cli.workspace import FILE

CATALOGUE = "catalogue:"
PLATFORMS = "platforms"

B = TypeVar("B", bound=Blueprint)
M = TypeVar("M", bound=BaseModel)


class BlueprintFault(UsageError):
    """Blueprints that cannot be used; carries every finding of the run."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(f"{f.where}: {f.message}" for f in findings))
        self.findings = tuple(findings)


def load(root: Path) -> Platform:
    """The platform whose nexus.yaml lies in `root`; raises `BlueprintFault` with all faults at once."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _load(root)
    finally:
        gc.freeze()  # what was read is kept: a collector would look at it again and again
        if collecting:
            gc.enable()


def restored(root: Path, texts: Mapping[str, str]) -> Platform:
    """The platform as it was described by texts that were kept, by file; nothing else is read.

    They are those of `Platform.sources`, with nexus.yaml among them.
    """
    findings: list[Finding] = []
    source = Source(FILE, texts[FILE])
    spec = _spec(source, findings)
    if spec is None:
        raise BlueprintFault(findings)
    others = (Source(file, text) for file, text in texts.items() if file != FILE)
    return _platform_of(root, spec, source, others, findings)


def _load(root: Path) -> Platform:
    findings: list[Finding] = []
    try:
        source = Source(FILE, text_of(root / FILE, FILE, "a blueprint"))
    except DocumentFault as fault:
        raise BlueprintFault([fault.finding]) from fault
    spec = _spec(source, findings)
    if spec is None:
        raise BlueprintFault(findings)
    return _platform_of(root, spec, source, _sources(root, spec, source, findings), findings)


def _platform_of(
    root: Path, spec: PlatformSpec, source: Source, others: Iterable[Source], findings: list[Finding]
) -> Platform:
    loaded: dict[str, dict[str, Blueprint]] = {kind: {} for kind in KINDS}
    sources: dict[tuple[str, str], Source] = {("platform", spec.name): source}
    for other_source in others:
        found = _blueprint(other_source, spec, findings)
        if found is None:
            continue
        kind, blueprint, its_source = found
        other = sources.get((kind, blueprint.name))
        if other is not None:
            findings.append(_twice(kind, blueprint, its_source, other))
            continue
        loaded[kind][blueprint.name] = blueprint
        sources[kind, blueprint.name] = its_source
    if findings:
        raise BlueprintFault(sorted(findings, key=lambda f: f.where))
    return Platform(
        root=root,
        spec=spec,
        services=_only(loaded["service"], Service),
        components=_only(loaded["component"], Component),
        packages=_only(loaded["package"], Package),
        environments=_only(loaded["environment"], Environment),
        sources=sources,
    )


def _only(found: Mapping[str, Blueprint], kind: type[B]) -> dict[str, B]:
    return {name: value for name, value in sorted(found.items()) if isinstance(value, kind)}


def _spec(source: Source, findings: list[Finding]) -> PlatformSpec | None:
    try:
        data = parse(source)
    except DocumentFault as fault:
        findings.append(fault.finding)
        return None
    if data.get("kind") != "platform":
        where = source.at(["kind"])
        findings.append(Finding("kind", "error", f"{FILE} must have `kind: platform`", where))
        return None
    return validated(PlatformSpec, data, source, findings)


def _sources(root: Path, spec: PlatformSpec, source: Source, findings: list[Finding]) -> Iterator[Source]:
    for file, path in _files(root, spec, source, findings):
        try:
            yield Source(file, text_of(path, file, "a blueprint"))
        except DocumentFault as fault:
            findings.append(fault.finding)


def _files(
    root: Path, spec: PlatformSpec, source: Source, findings: list[Finding]
) -> Iterable[tuple[str, Path]]:
    seen: set[str] = set()
    for index, pattern in enumerate(spec.include):
        matches, problem, hint = _included(root, pattern)
        if problem:
            findings.append(Finding("include", "error", problem, source.at(["include", index]), hint))
        for file, path in matches:
            if file not in seen and path.is_file():
                seen.add(file)
                yield file, path


def _included(root: Path, pattern: str) -> tuple[list[tuple[str, Path]], str, str | None]:
    """The files that an entry of `include` stands for; what is wrong with it, and a hint."""
    if pattern.startswith(CATALOGUE):
        name, names = pattern.removeprefix(CATALOGUE), catalogue_names()
        if name in names:
            return [(pattern, names[name])], "", None
        return [], f'the catalogue has no "{name}"', did_you_mean(name, names)
    if pattern.startswith("/") or ".." in Path(pattern).parts:
        return [], f'"{pattern}" leaves the workspace', "name paths inside it"
    inside = f"{root.as_posix()}/"
    try:
        matches = sorted((path.as_posix().removeprefix(inside), path) for path in root.glob(pattern))
    except (ValueError, IndexError):
        return [], f'"{pattern}" is not a pattern of paths', "write it as blueprints/**/*.yaml"
    problem = "" if matches or "*" in pattern else f'there is no file "{pattern}"'
    return matches, problem, None


@cache
def catalogue_names() -> Mapping[str, Path]:
    """Every entry of the bundled catalogue that can be included, by name."""
    found = sorted(bundled("blueprints").glob("*/*.yaml"))
    return {path.stem: path for path in found if path.parent.name != PLATFORMS}


@cache
def catalogue_platforms() -> Mapping[str, Path]:
    """The platforms of the bundled catalogue by name."""
    return {path.stem: path for path in sorted((bundled("blueprints") / PLATFORMS).glob("*.yaml"))}


@cache
def catalogue_publishers() -> Mapping[str, str]:
    """The service of the bundled catalogue that publishes each event."""
    paths = [path for path in catalogue_names().values() if path.parent.name == "services"]
    return {
        event: path.stem
        for path in paths
        for event in read(path, path.name)[0].get("events", {}).get("publishes", ())
    }


@cache
def catalogue_components() -> Mapping[str, Component]:
    """Every component of the bundled catalogue by name."""
    paths = [path for path in catalogue_names().values() if path.parent.name == "components"]
    return {path.stem: Component.model_validate(read(path, path.name)[0]) for path in paths}


def _blueprint(
    source: Source, spec: PlatformSpec, findings: list[Finding]
) -> tuple[str, Blueprint, Source] | None:
    try:
        data = parse(source)
    except DocumentFault as fault:
        findings.append(fault.finding)
        return None
    kind = data.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None or not isinstance(kind, str) or kind == "platform":
        known = [name for name in KINDS if name != "platform"]
        message = 'missing key "kind"' if kind is None else f"unknown kind {kind!r}"
        hint = did_you_mean(str(kind), known) or f"one of {', '.join(known)}"
        findings.append(Finding("kind", "error", message, source.at(["kind"]), hint))
        return None
    blueprint = validated(model, _with_defaults(kind, data, spec), source, findings)
    return None if blueprint is None else (kind, blueprint, source)


def _with_defaults(kind: str, data: dict[str, Any], spec: PlatformSpec) -> dict[str, Any]:
    """What a blueprint says, with the platform's defaults laid under it."""
    return _merge(spec.defaults.service, data) if kind == "service" and spec.defaults.service else data


def with_service(platform: Platform, source: Source) -> Platform:
    """The platform with another text of one of its services, which nothing has written yet."""
    findings: list[Finding] = []
    data = _with_defaults("service", parse(source), platform.spec)
    service = validated(Service, data, source, findings)
    if service is None:
        raise BlueprintFault(findings)
    return replace(
        platform,
        services={**platform.services, service.name: service},
        sources={**platform.sources, ("service", service.name): source},
    )


def component_of(source: Source) -> Component:
    """The component that a text describes, which nothing has written yet; its faults are raised."""
    findings: list[Finding] = []
    component = validated(Component, parse(source), source, findings)
    if component is None:
        raise BlueprintFault(findings)
    return component


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _twice(kind: str, blueprint: Blueprint, source: Source, other: Source) -> Finding:
    return Finding(
        "duplicate-name",
        "error",
        f'the {kind} "{blueprint.name}" is described twice; first at {other.at(["name"])}',
        source.at(["name"]),
        "rename one of them or remove a file",
    )


def validated(model: type[M], data: Any, source: Source, findings: list[Finding]) -> M | None:
    """The model of what was read; what is wrong with it is added to the findings."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        findings.extend(_findings(error, model, source))
        return None


def _findings(error: ValidationError, model: type[BaseModel], source: Source) -> Iterable[Finding]:
    for fault in error.errors(include_url=False):
        path = [part for part in fault["loc"] if part != "[key]"]
        kind, context = fault["type"], fault.get("ctx", {})
        hint = None
        at_key = kind == "extra_forbidden" or "[key]" in fault["loc"]
        if kind == "extra_forbidden":
            message = f'unknown key "{path[-1]}"'
            hint = did_you_mean(str(path[-1]), _keys(model, path[:-1])) or _known(_keys(model, path[:-1]))
        elif kind == "missing":
            message = f'missing key "{path[-1]}"'
        elif kind == "literal_error":
            message = f"expected {context['expected']}, got {fault['input']!r}"
        elif kind == "string_pattern_mismatch":
            message = f"{fault['input']!r} does not have the form {context['pattern']}"
        elif kind == "value_error":
            message = str(context["error"])
        else:
            message = f"{fault['msg'][0].lower()}{fault['msg'][1:]}, got {_short(fault['input'])}"
        yield Finding("model", "error", message, source.at(path, key=at_key), hint)


def _short(value: Any) -> str:
    words = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return words.get(type(value)) or repr(value)[:60]


def _keys(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """The keys that may be written in the mapping at `path` of a model."""
    schema = model.model_json_schema()
    node: Any = schema
    for part in path:
        node = _follow(node, part, schema)
        if node is None:
            return []
    return sorted(_resolve(node, schema).get("properties", {}))


def _follow(node: Any, part: Any, schema: Mapping[str, Any]) -> Any:
    node = _resolve(node, schema)
    if isinstance(part, int):
        return node.get("items")
    return node.get("properties", {}).get(part, node.get("additionalProperties"))


def _resolve(node: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(node, dict):
        return {}
    if "$ref" in node:
        return _resolve(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], schema)
    for option in node.get("anyOf", []):
        resolved = _resolve(option, schema)
        if resolved.get("properties") or resolved.get("items"):
            return resolved
    return node


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that offers the nearest of the known names, if one is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None


def _known(keys: Sequence[str]) -> str | None:
    return f"known keys: {', '.join(keys)}" if keys else None
