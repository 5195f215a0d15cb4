"""What a built-in template says about itself: the plain part of Copier's `copier.yml`, and no more.

Whatever Copier knows beyond it (tasks, extensions, migrations, external data …) is refused: a built-in
template must mean the same to nexus and to Copier, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.resources import bundled

ANSWERS = ".copier-answers.yml"
PREFIX = "nexus:"
DEFAULT_EXCLUDE = ("copier.yaml", "copier.yml", "~*", "*.py[co]", "__pycache__", ".git", ".DS_Store", ".svn")

_SETTINGS = {
    "_answers_file",
    "_envops",
    "_exclude",
    "_min_copier_version",
    "_skip_if_exists",
    "_subdirectory",
    "_templates_suffix",
}
_QUESTION = {"choices", "default", "help", "multiline", "placeholder", "qmark", "type", "validator", "when"}
_TYPES = {"bool", "float", "int", "json", "str", "yaml"}


class TemplateFault(NexusError):
    """A built-in template that cannot be rendered: the template is wrong, not what the person did."""


@dataclass(frozen=True, slots=True)
class Question:
    """A variable of a template: its type, default (Jinja), choices, check and condition (Jinja)."""

    name: str
    type: str
    default: Any = None
    has_default: bool = False
    choices: tuple[Any, ...] = ()
    validator: str = ""
    when: str | bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """A built-in template: where it lies and how it is to be rendered."""

    name: str
    root: Path
    subdirectory: str = ""
    suffix: str = ".jinja"
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    skip_if_exists: tuple[str, ...] = ()
    envops: tuple[tuple[str, Any], ...] = ()
    questions: Mapping[str, Question] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """The folder whose content becomes the project."""
        return self.root / self.subdirectory


def names(group: str) -> list[str]:
    """The built-in templates of a group (`service`, `package/library`), by their own names."""
    folder = bundled("templates") / group
    return sorted(path.parent.name for path in folder.glob("*/copier.yml")) if folder.is_dir() else []


def choose(group: str, name: str) -> Template:
    """The built-in template that a `--type` names."""
    known = names(group)
    if name not in known:
        from difflib import get_close_matches

        close = get_close_matches(name, known, n=1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        raise UsageError(
            f'unknown {group} type "{name}"',
            hint=f"{hint}there are: {', '.join(known) or 'none'}; or --template SOURCE",
        )
    return read(bundled("templates") / group / name, f"{group}/{name}")


@lru_cache(maxsize=64)
def read(root: Path, name: str) -> Template:
    """A template from its folder; refuses one that uses more of Copier than the plain part."""
    import yaml

    path = root / "copier.yml"
    try:
        data = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise TemplateFault(f"template {name}: cannot read copier.yml: {error}") from error
    if not isinstance(data, dict):
        raise TemplateFault(f"template {name}: copier.yml is not a mapping")
    unknown = [key for key in data if str(key).startswith("_") and key not in _SETTINGS]
    if unknown:
        raise TemplateFault(f"template {name}: built-in templates do without {', '.join(unknown)}")
    if data.get("_answers_file", ANSWERS) != ANSWERS:
        raise TemplateFault(f"template {name}: the answers file is {ANSWERS}")
    subdirectory = data.get("_subdirectory", "")
    return Template(
        name=name,
        root=root.resolve(),
        subdirectory=subdirectory,
        suffix=data.get("_templates_suffix") or ".jinja",
        exclude=tuple(data.get("_exclude", () if subdirectory else DEFAULT_EXCLUDE)),
        skip_if_exists=tuple(data.get("_skip_if_exists", ())),
        envops=tuple(sorted(data.get("_envops", {}).items())),
        questions={
            key: _question(name, key, value) for key, value in data.items() if not key.startswith("_")
        },
    )


def _question(template: str, name: str, value: Any) -> Question:
    details = value if isinstance(value, dict) else {"default": value}
    unknown = sorted(set(details) - _QUESTION)
    if unknown:
        raise TemplateFault(
            f"template {template}: question {name}: built-in templates do without {', '.join(unknown)}"
        )
    default = details.get("default")
    inferred = type(default).__name__ if type(default).__name__ in _TYPES else "yaml"
    kind = details.get("type") or inferred
    if kind not in _TYPES:
        raise TemplateFault(f"template {template}: question {name}: unknown type {kind!r}")
    choices = details.get("choices", ())
    if isinstance(choices, str) or any(isinstance(choice, dict | list) for choice in _values(choices)):
        raise TemplateFault(
            f"template {template}: question {name}: choices are a plain list or mapping of scalars"
        )
    return Question(
        name=name,
        type=kind,
        default=default,
        has_default="default" in details,
        choices=tuple(_values(choices)),
        validator=details.get("validator", ""),
        when=details.get("when", True),
    )


def _values(choices: Any) -> list[Any]:
    return list(choices.values()) if isinstance(choices, dict) else list(choices)
