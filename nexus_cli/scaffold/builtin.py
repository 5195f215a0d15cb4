"""Built-in templates in one shared sandboxed Jinja environment, byte for byte what Copier writes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

import yaml
from jinja2 import (
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    Undefined,
    UndefinedError,
)
from jinja2.bccache import Bucket
from jinja2.sandbox import SandboxedEnvironment
from nexus_generators.generator import File
from pathspec import PathSpec

from nexus_cli import __version__
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.resources import bundled, cache_folder
from nexus_cli.scaffold.template import ANSWERS, PREFIX, Question, Template, TemplateFault
from nexus_cli.workspace import private_folder

_UNDEFINED = {"jinja2.Undefined": Undefined, "jinja2.StrictUndefined": StrictUndefined}
_TRUE, _FALSE = {"y", "yes", "t", "true", "on"}, {"n", "no", "f", "false", "off", "~", "null", "none"}


class _UnsetError(UndefinedError):
    """A default that says `{{ UNSET }}`: there is none."""


def render(template: Template, data: Mapping[str, Any], *, folder: str) -> dict[str, File]:
    """The template's files for these answers, with the answers file; `folder` is the project's own name."""
    environment = _environment(template.root, template.envops)
    context: dict[str, Any] = {"_folder_name": folder, "_copier_conf": {"answers_file": ANSWERS, "sep": "/"}}
    try:
        answers, hidden = _answer(template, data, environment, context)
        context.update(answers)
        context["_copier_answers"] = {
            **_origin(template),
            **{k: v for k, v in answers.items() if k in template.questions and k not in hidden},
        }
        files = dict(_files(template, environment, context))
    except TemplateError as error:
        raise _fault(template, error) from error
    if ANSWERS not in files:
        kept = {key: value for key, value in answers.items() if key not in hidden}
        files[ANSWERS] = File(answers_file({**_origin(template), **kept}))
    return files


def render_one(template: Template, name: str, context: Mapping[str, Any]) -> str:
    """One file that lies beside the template's own, such as the pattern of a later migration."""
    try:
        return _environment(template.root, template.envops).get_template(name).render(context)
    except TemplateError as error:
        raise _fault(template, error) from error


def answers_file(answers: Mapping[str, Any]) -> bytes:
    """The file that remembers from which template, at which version, with which answers."""
    head = "# Written by nexus; it is what a later update starts from. Do not edit.\n"
    dumped: str = yaml.safe_dump(
        dict(answers), indent=2, allow_unicode=True, default_flow_style=False, sort_keys=False
    )
    return (head + dumped).encode()


def _origin(template: Template) -> dict[str, str]:
    return {"_commit": __version__, "_src_path": PREFIX + template.name}


def _fault(template: Template, error: TemplateError) -> TemplateFault:
    place = getattr(error, "filename", None) or "a file"
    line = getattr(error, "lineno", None)
    return TemplateFault(
        f"template {template.name}: {Path(str(place)).name}:{line or 1}: {error.message or error}"
    )


@lru_cache(maxsize=32)
def _environment(root: Path, envops: tuple[tuple[str, Any], ...]) -> SandboxedEnvironment:
    """An environment over the shared one: the same filters, the template's own folder and options."""
    options = {"keep_trailing_newline": True, **dict(envops)}
    if "undefined" in options:
        options["undefined"] = _UNDEFINED[options["undefined"]]
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(root),
        auto_reload=False,
        bytecode_cache=_compiled_before(root, repr(envops)),
        **options,
    )
    environment.filters["to_json"] = json.dumps
    environment.filters["to_nice_json"] = _nice_json
    environment.filters["to_yaml"] = _yaml
    environment.filters["to_nice_yaml"] = _nice_yaml
    return environment


class _Kept(FileSystemBytecodeCache):
    """Compiled templates of earlier commands: compiling takes longer than all else that is done with them."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one, if there is room for it."""
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


def _compiled_before(root: Path, options: str) -> _Kept | None:
    """What was compiled with the same options; nothing where others than this user could write it.

    Only of templates that ship with nexus: others come and go, and what was kept of them would stay.
    """
    if not root.is_relative_to(bundled("templates")):
        return None
    folder = cache_folder("templates")
    try:
        private_folder(folder)
        found = folder.stat()
    except (NexusError, OSError):
        return None
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        return None
    kind = hashlib.sha256(f"{__version__} {options}".encode()).hexdigest()[:12]
    return _Kept(str(folder), f"{kind}-%s")


def _nice_json(value: Any, indent: int = 4, sort_keys: bool = True) -> str:
    return json.dumps(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "))


def _yaml(value: Any, **options: Any) -> str:
    flow = options.pop("default_flow_style", None)
    dumped: str = yaml.dump(value, allow_unicode=True, default_flow_style=flow, **options)
    return dumped


def _nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    return _yaml(value, indent=indent, default_flow_style=False, **options)


def _string(environment: SandboxedEnvironment, source: str, context: Mapping[str, Any]) -> str:
    return (
        source
        if "{" not in source and "[" not in source and "<" not in source
        else _compiled(environment, source).render(context)
    )


@lru_cache(maxsize=4096)
def _compiled(environment: SandboxedEnvironment, source: str) -> Any:
    return environment.from_string(source)


def _answer(
    template: Template, data: Mapping[str, Any], environment: SandboxedEnvironment, context: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    """Every question's answer, from the data or its default; and those that are only computed."""
    answers: dict[str, Any] = dict(data)
    hidden = set()
    for name, question in template.questions.items():
        known = {**context, **answers}
        asked = _truth(_value(environment, question.when, known))
        if not asked:
            hidden.add(name)
        if name in data:
            answers[name] = _checked(question, data[name], environment, known)
            continue
        try:
            value = _value(
                environment, question.default, {**known, "UNSET": StrictUndefined("UNSET", exc=_UnsetError)}
            )
        except _UnsetError:
            value, has_default = None, False
        else:
            has_default = question.has_default
        if not has_default:
            if asked:
                raise UsageError(f'template {template.name} needs "{name}"', hint=f"give --data {name}=VALUE")
            continue
        answers[name] = _checked(question, value, environment, known) if asked else _cast(question, value)
    return answers, hidden


def _value(environment: SandboxedEnvironment, value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_value(environment, item, context) for item in value]
    return _compiled(environment, value).render(context) if isinstance(value, str) else value


def _checked(
    question: Question, value: Any, environment: SandboxedEnvironment, context: Mapping[str, Any]
) -> Any:
    answer = _cast(question, value)
    if question.choices:
        choices = [_cast(question, _value(environment, choice, context)) for choice in question.choices]
        if answer not in choices:
            words = ", ".join(map(str, choices))
            raise UsageError(f"{question.name}: {answer!r} is not one of the choices", hint=f"one of {words}")
    message = _value(environment, question.validator, {**context, question.name: answer}).strip()
    if message:
        raise UsageError(f"{question.name}: {message}")
    return answer


def _cast(question: Question, value: Any) -> Any:
    """The value as the question's type, as Copier casts it."""
    try:
        return _CASTS[question.type](value)
    except (TypeError, AttributeError) as error:
        if question.type in {"json", "yaml"}:
            return value
        raise UsageError(f"{question.name}: {value!r} is not of type {question.type}") from error
    except ValueError as error:
        raise UsageError(f"{question.name}: {value!r} is not of type {question.type}") from error


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise ValueError(value)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        lower = value.strip().lower()
        if lower in _TRUE or lower in _FALSE or not lower:
            return lower in _TRUE
        try:
            return bool(float(lower))
        except ValueError:
            return True
    return bool(value)


_CASTS: Mapping[str, Callable[[Any], Any]] = {
    "bool": _truth,
    "float": float,
    "int": int,
    "json": json.loads,
    "str": _text,
    "yaml": _parsed,
}


def _files(
    template: Template, environment: SandboxedEnvironment, context: Mapping[str, Any]
) -> Iterator[tuple[str, File]]:
    excluded = _matcher(template.exclude, environment, {**context, "_copier_operation": "copy"})
    skipped = _matcher(template.skip_if_exists, environment, context)
    for source in _sources(template.source):
        relative = source.relative_to(template.source)
        target = _target(template, relative, environment, context)
        if target is None or excluded(target):
            continue
        if source.name.endswith(template.suffix):
            name = source.relative_to(template.root).as_posix()
            content = environment.get_template(name).render(context).encode()
        else:
            content = source.read_bytes()
        yield target, File(content, executable=bool(source.stat().st_mode & 0o100), seed=skipped(target))


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise TemplateFault(f"{path.name} is a symbolic link; built-in templates have none")
        if path.is_file():
            yield path


def _target(
    template: Template, relative: Path, environment: SandboxedEnvironment, context: Mapping[str, Any]
) -> str | None:
    """Where a file of the template goes; nowhere if a part of its name is empty or a `.jinja` beside it."""
    is_template = relative.name.endswith(template.suffix)
    if not is_template and (template.source / f"{relative}{template.suffix}").exists():
        return None
    parts = (relative.with_suffix("") if is_template else relative).parts
    rendered = [_string(environment, part, context) for part in parts]
    if not all(rendered):
        return None
    path = "/".join(rendered)
    if not is_template and (template.root / f"{path}{template.suffix}").exists():
        return None
    return path


def _matcher(
    patterns: Iterable[str], environment: SandboxedEnvironment, context: Mapping[str, Any]
) -> Callable[[str], bool]:
    lines = [
        line for pattern in patterns for line in _compiled(environment, pattern).render(context).splitlines()
    ]
    if not lines:
        return lambda _: False
    return PathSpec.from_lines("gitignore", [normalize("NFD", line) for line in lines]).match_file
