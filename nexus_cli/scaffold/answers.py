"""Rendering into a folder that may be there: its answers are remembered and its origin is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nexus_generators.generator import File

from nexus_cli.errors import UsageError
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.template import ANSWERS, PREFIX, Template
from nexus_cli.scaffold.tidy import tidied

_FROM_BLUEPRINT = {
    "apis",
    "calls",
    "capabilities",
    "connections",
    "consumes",
    "description",
    "name",
    "owner",
    "packages",
    "platform",
    "port",
    "publishes",
    "resources",
    "scope",
    "secrets",
    "title",
}


def recorded(folder: Path) -> dict[str, Any]:
    """What the answers file in a folder says; nothing when there is none that can be read."""
    import yaml

    try:
        data = yaml.safe_load((folder / ANSWERS).read_bytes())
    except (OSError, yaml.YAMLError):
        return {}
    return data if isinstance(data, dict) else {}


def check_origin(folder: Path, template: Template | None, choice: Choice) -> None:
    """Refuse to lay a template over a person's own folder, or over what another template made."""
    if choice.force or not folder.is_dir() or not any(folder.iterdir()):
        return
    place = f"{folder.parent.name}/{folder.name}"
    force = "--force lays the template over it and keeps your files as NAME.orig"
    origin = recorded(folder).get("_src_path")
    if not isinstance(origin, str):
        raise UsageError(f"{place} is there and was not generated", hint=f"move it away; or {force}")
    wanted = f"{PREFIX}{template.name}" if template else None
    if wanted is None and not origin.startswith(PREFIX):
        return
    if origin != wanted:
        again = "" if origin.startswith(PREFIX) else f"give --template {origin} again; or "
        raise UsageError(
            f"{place} was generated from {origin}, not from {wanted or choice.source}", hint=again + force
        )


def render_into(
    folder: Path, template: Template | None, variables: Mapping[str, Any], choice: Choice
) -> dict[str, File]:
    """The template's files for the blueprint's variables, answers given now, and answers given earlier."""
    taken = sorted(set(choice.data) & _FROM_BLUEPRINT)
    if taken:
        raise UsageError(
            f"{', '.join(taken)} comes from the blueprint", hint="change it there instead of with --data"
        )
    earlier = {
        k: v for k, v in recorded(folder).items() if not k.startswith("_") and k not in _FROM_BLUEPRINT
    }
    if template is None:
        from nexus_cli.scaffold import external

        data = {**earlier, **variables, **choice.data}
        source = choice.source or ""
        return external.render(
            source, data, folder=folder.name, ref=choice.ref, trust=choice.trust, ask=choice.ask
        )
    from nexus_cli.scaffold import builtin

    check_questions(template, choice.data)
    known = {key: value for key, value in earlier.items() if key in template.questions}
    return tidied(builtin.render(template, {**known, **variables, **choice.data}, folder=folder.name))


def check_questions(template: Template, data: Mapping[str, str]) -> None:
    """Refuse an answer to a question that the template does not ask."""
    asked = [name for name, question in template.questions.items() if question.when is not False]
    free = [name for name in asked if name not in _FROM_BLUEPRINT]
    unknown = next((name for name in data if name not in asked), None)
    if unknown is not None:
        listed = f"it asks for: {', '.join(free)}" if free else "everything comes from the blueprint"
        raise UsageError(f'the template {template.name} does not ask for "{unknown}"', hint=listed)
