"""`generate package`: a shared library's blueprint and its code, and what the services that use it need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nexus_generators.generator import File, text
from nexus_generators.writer import managed, recover

from nexus_cli.blueprint.load import did_you_mean, load
from nexus_cli.blueprint.model import Package, Platform, Service
from nexus_cli.blueprint.types import PACKAGE_TYPES, SERVICE_TYPES, package_name
from nexus_cli.errors import UsageError
from nexus_cli.scaffold import bases, describe
from nexus_cli.scaffold.answers import check_origin, recorded, render_into
from nexus_cli.scaffold.meanings import check_package_name
from nexus_cli.scaffold.migrations import without_replaced
from nexus_cli.scaffold.outcome import Choice, Outcome, lay_down
from nexus_cli.scaffold.service import variables
from nexus_cli.scaffold.template import PREFIX, Template, choose

_CHECKS: Mapping[str, str] = {
    "python": "uv run pytest",
    "typescript": "npm ci && npm run check",
    "go": "go test ./...",
}
"""How a package is first tried, by its language."""


def generate_package(
    root: Path,
    spec: str,
    choice: Choice,
    *,
    kind: str | None = None,
    language: str | None = None,
    title: str = "",
) -> Outcome:
    """Render the package that its blueprint describes, and join it to its users; write one where none is."""
    recover(root)
    scope, name = parse_spec(spec)
    describe.check_text(title, "--title")
    platform = load(root)
    files: dict[str, File] = {}
    package = platform.packages.get(name)
    if package is None:
        path = f"blueprints/packages/{name}.yaml"
        if (root / path).exists():
            raise UsageError(f"{path} exists, but nexus.yaml does not include it", hint="add it to `include`")
        if name in platform.services:
            raise UsageError(f'"{name}" is the name of a service', hint=f'choose another: "{name}-lib"?')
        package = _drafted(name, scope, kind or "library", language, title)
        files[path] = text(describe.package_text(name, package.type, package.language, package.scope, title))
    else:
        _check_agreement(platform, package, {"type": kind, "language": language})
        if package.client_of:
            raise UsageError(
                f"{name} is the client of {package.client_of}: no template writes it",
                hint=f"nexus generate sdk --service {package.client_of} --lang {package.language}",
            )
    check_package_name(package)
    rendered = render_package(root, platform, package, choice)
    joined, notes = _users(root, platform, package)
    placed, base = _laid(root, {package.source: rendered, **joined})
    changes = lay_down({**files, **placed}, root, base, choice)
    if not choice.dry_run:
        for source, generated in {package.source: rendered, **joined}.items():
            bases.remember(root, source, generated)
    step = f"cd {package.source} && {_CHECKS[package.language]}"
    return Outcome(root, changes, choice.dry_run, tuple(notes), (step,))


def join(root: Path, name: str, choice: Choice) -> Outcome:
    """Generate those services again that depend on a package which no template writes, or did."""
    recover(root)
    platform = load(root)
    package = platform.packages[name]
    joined, notes = _users(root, platform, package)
    files, base = _laid(root, joined)
    changes = lay_down(files, root, base, choice)
    for source, generated in joined.items():
        bases.remember(root, source, generated)
    return Outcome(root, changes, choice.dry_run, tuple(notes))


def _laid(root: Path, rendered: Mapping[str, Mapping[str, File]]) -> tuple[dict[str, File], dict[str, str]]:
    """The files of several folders from the root, and what they were when they were generated last."""
    files: dict[str, File] = {}
    base: dict[str, str] = {}
    for source, own in rendered.items():
        placed, before = managed(own, root, source)
        files |= placed
        base |= before
    return files, base


def _drafted(name: str, scope: str | None, kind: str, language: str | None, title: str) -> Package:
    """A new package as the options say; its language is its type's first unless they say another."""
    said = {"language": language} if language else {}
    if language and language not in _CHECKS:
        raise UsageError(f'unknown language "{language}"', hint=f"there are: {', '.join(_CHECKS)}")
    describe.check_name(kind, "package type")
    return Package.model_validate(
        {"nexus": "v1", "name": name, "scope": scope, "type": kind, "title": title, **said}
    )


def _check_agreement(platform: Platform, package: Package, options: Mapping[str, str | None]) -> None:
    """Refuse options that say something else than the blueprint."""
    for key, value in options.items():
        described = getattr(package, key)
        if value is not None and value != described:
            where = platform.sources["package", package.name].at([key])
            raise UsageError(f'{where}: the {key} of {package.name} is "{described}"', hint="change it there")


def _template(package: Package) -> Template:
    """The built-in template of the package's type in its language."""
    languages = PACKAGE_TYPES.get(package.type)
    if languages is None:
        hint = did_you_mean(package.type, PACKAGE_TYPES) or f"there are: {', '.join(PACKAGE_TYPES)}"
        raise UsageError(f'unknown package type "{package.type}"', hint=f"{hint}; or --template SOURCE")
    if package.language not in languages:
        raise UsageError(
            f"there is no {package.type} package in {package.language}",
            hint=f"it is written in {', '.join(languages)}; or --template SOURCE",
        )
    return choose(f"package/{package.type}", package.language)


def render_package(root: Path, platform: Platform, package: Package, choice: Choice) -> dict[str, File]:
    """The package's files as its template makes them now."""
    template = None if choice.source else _template(package)
    told = {
        "name": package.name,
        "scope": package.scope or "",
        "title": package.title or package.name.replace("-", " ").capitalize(),
        "description": package.description,
        "platform": platform.name,
    }
    check_origin(root / package.source, template, choice)
    return render_into(root / package.source, template, {k: v for k, v in told.items() if v}, choice)


def _users(root: Path, platform: Platform, package: Package) -> tuple[dict[str, dict[str, File]], list[str]]:
    """The generated services that depend on the package, or did, by folder; and what is left to do."""
    rendered: dict[str, dict[str, File]] = {}
    notes = []
    for service in platform.services.values():
        uses = package in platform.packages_of(service)
        folder = root / service.source
        answers = recorded(folder)
        if not uses and not _depends(answers, package):
            continue
        if answers.get("_src_path") == f"{PREFIX}service/{service.type}":
            if uses:
                _check_hiding(root, service, package)
            template = choose("service", service.type)
            files = render_into(folder, template, variables(platform, service), Choice())
            rendered[service.source] = without_replaced(files, folder, service.type)
        elif folder.is_dir():
            notes.append(f"{service.source} has a template of its own: join it to {package.source} by hand")
    return rendered, notes


def _check_hiding(root: Path, service: Service, package: Package) -> None:
    """Refuse a Python package that is imported by the name of a service, or of something that it installs."""
    if package.language != "python":
        return
    module = package.name.replace("-", "_")
    lock = root / service.source / SERVICE_TYPES[service.type].lock
    said = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    installed = re.findall(r"^([\w.-]+)==", said, re.MULTILINE)
    if module == package_name(service.name) or module in {re.sub(r"[.-]", "_", n.lower()) for n in installed}:
        raise UsageError(
            f'"{package.name}" would hide the module {module} of {service.name}', hint="choose another name"
        )


def _depends(answers: Mapping[str, Any], package: Package) -> bool:
    """Whether a service was generated when it depended on the package."""
    packages = answers.get("packages")
    return isinstance(packages, list) and any(
        isinstance(entry, dict) and entry.get("name") == package.name for entry in packages
    )


def parse_spec(spec: str) -> tuple[str | None, str]:
    """Scope and name from `@scope/name` or `name`."""
    scope, slash, name = spec.rpartition("/")
    if not slash:
        describe.check_name(spec, "package")
        return None, spec
    if not scope.startswith("@") or "/" in scope:
        raise UsageError(f"{spec!r} is not the name of a package", hint="write @scope/name or name")
    describe.check_name(scope[1:], "scope")
    describe.check_name(name, "package")
    return scope[1:], name
