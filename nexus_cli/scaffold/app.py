"""`generate app`: a service's blueprint and its code, as one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nexus_generators.generator import File, text, under
from nexus_generators.writer import managed, recover

from nexus_cli.blueprint.edit import add_includes
from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.errors import UsageError
from nexus_cli.scaffold import bases, describe
from nexus_cli.scaffold.answers import check_origin, render_into
from nexus_cli.scaffold.migrations import Next, next_migration, without_replaced
from nexus_cli.scaffold.outcome import Choice, Outcome, lay_down
from nexus_cli.scaffold.service import variables
from nexus_cli.scaffold.template import choose
from nexus_cli.workspace import FILE


@dataclass(frozen=True, slots=True)
class Edit:
    """Changed descriptions: the files, the SHA-256 of what they replace, and what to tell the person."""

    files: Mapping[str, File] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def generate_app(
    root: Path,
    name: str,
    choice: Choice,
    *,
    kind: str | None = None,
    uses: tuple[str, ...] | None = None,
    port: int | None = None,
    title: str = "",
) -> Outcome:
    """Render the service that its blueprint describes; where there is none, write one as the options say."""
    recover(root)
    platform = load(root)
    described = platform.services.get(name)
    if described is None:
        kind = kind or "fastapi"
        asked = describe.default_uses(platform, kind) if uses is None else uses
        wanted = describe.Wanted(name, kind, asked, port, title)
        platform, edit = _describe(root, platform, wanted, choice)
    else:
        notes = _unused(described, platform, kind, {"--uses": uses, "--port": port, "--title": title})
        platform, edit = supply(root, platform, described)
        edit = replace(edit, notes=tuple(notes))
    return bring_up(root, platform, platform.services[name], edit, choice)


def bring_up(root: Path, platform: Platform, service: Service, edit: Edit, choice: Choice) -> Outcome:
    """Lay down a service, the migration that its new model needs, and the descriptions that changed."""
    rendered, following = render_app(root, platform, service, choice)
    placed, recorded = managed(rendered, root, service.source)
    migrated = under(service.source, following.files)
    before = {f"{service.source}/{path}": digest for path, digest in following.base.items()}
    changes = lay_down(
        {**edit.files, **placed, **migrated}, root, {**edit.base, **recorded, **before}, choice
    )
    if not choice.dry_run:
        bases.remember(root, service.source, rendered)
    return Outcome(root, changes, choice.dry_run, (*edit.notes, *following.notes), ("nexus up",))


def _describe(
    root: Path, platform: Platform, wanted: describe.Wanted, choice: Choice
) -> tuple[Platform, Edit]:
    """The platform with the new service, and the files that describe it."""
    describe.check_service_name(wanted.name, platform)
    if choice.source is None:
        choose("service", wanted.type)
    describe.check_name(wanted.type, "service type")
    path = f"blueprints/services/{wanted.name}.yaml"
    if (root / path).exists():
        raise UsageError(
            f"{path} exists, but {FILE} does not include it", hint=f"add {path} to `include` in {FILE}"
        )
    draft = describe.draft_service(platform, wanted)
    included, base = include(root, [*draft.includes, *([] if is_included(platform, path) else [path])])
    return draft.platform, Edit({path: text(draft.text), **included}, base)


def supply(root: Path, platform: Platform, service: Service) -> tuple[Platform, Edit]:
    """The platform with the catalogue's components that a described service uses and nobody included."""
    includes, added = describe.supply(platform, [use.service for use in service.uses])
    return replace(platform, components={**platform.components, **added}), Edit(*include(root, includes))


def include(root: Path, entries: Sequence[str]) -> tuple[dict[str, File], dict[str, str]]:
    """nexus.yaml with more entries in `include`, and what it was before; nothing when there are none."""
    if not entries:
        return {}, {}
    before = File((root / FILE).read_bytes())
    return {FILE: text(add_includes(before.content.decode("utf-8-sig"), entries))}, {FILE: before.digest}


def is_included(platform: Platform, path: str) -> bool:
    """Whether a pattern of the platform will find a file that is not there yet."""
    from pathspec import PathSpec

    patterns = [f"/{pattern}" for pattern in platform.spec.include if not pattern.startswith("catalogue:")]
    return PathSpec.from_lines("gitignore", patterns).match_file(path)


def _unused(service: Service, platform: Platform, kind: str | None, options: Mapping[str, Any]) -> list[str]:
    """Refuse another type than the described one; name the options that an existing blueprint overrules."""
    where = platform.sources["service", service.name].at(["type"])
    if kind is not None and kind != service.type:
        raise UsageError(f'{where}: {service.name} is of type "{service.type}"', hint="change it there")
    said = {
        "--uses": tuple(use.service for use in service.uses),
        "--port": service.port,
        "--title": service.title,
    }
    ignored = [key for key, value in options.items() if value not in (None, "", said[key])]
    return [f"{where.file} describes {service.name}: {', '.join(ignored)} changes nothing"] if ignored else []


def render_app(
    root: Path, platform: Platform, service: Service, choice: Choice
) -> tuple[dict[str, File], Next]:
    """The service's files as its template makes them now, and its next migration."""
    folder = root / service.source
    template = None if choice.source else choose("service", service.type)
    check_origin(folder, template, choice)
    told = variables(platform, service)
    files = render_into(folder, template, told, choice)
    if template is None:
        return files, Next()
    following = next_migration(root, platform, service, template, told, choice)
    return without_replaced(files, folder, service.type), following
