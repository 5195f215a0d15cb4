"""`generate package`: a shared library's blueprint and its code, as one transaction."""

from __future__ import annotations

from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.writer import managed, recover

from nexus_cli.blueprint.load import load
from nexus_cli.errors import UsageError
from nexus_cli.scaffold import describe
from nexus_cli.scaffold.answers import check_origin, render_into
from nexus_cli.scaffold.outcome import Choice, Outcome, lay_down
from nexus_cli.scaffold.template import choose

LANGUAGES = ("python",)


def generate_package(
    root: Path, spec: str, choice: Choice, *, kind: str = "library", language: str = "python", title: str = ""
) -> Outcome:
    """Render the package that its blueprint describes; where there is none, write one."""
    recover(root)
    scope, name = parse_spec(spec)
    describe.check_module_name(name)
    describe.check_text(title, "--title")
    platform = load(root)
    files: dict[str, File] = {}
    described = platform.packages.get(name)
    if described is None:
        path = f"blueprints/packages/{name}.yaml"
        if (root / path).exists():
            raise UsageError(f"{path} exists, but nexus.yaml does not include it", hint="add it to `include`")
        files[path] = text(describe.package_text(name, kind, language, scope, title))
    kind = described.type if described else kind
    language = described.language if described else language
    source = described.source if described else f"packages/{name}"
    if language not in LANGUAGES:
        raise UsageError(
            f"{language} packages are not available yet", hint=f"available: {', '.join(LANGUAGES)}"
        )
    template = None if choice.source else choose("package", kind)
    variables = {
        "name": name,
        "scope": (described.scope if described else scope) or "",
        "title": (described.title if described else title) or name.replace("-", " ").capitalize(),
        "description": described.description if described else "",
        "platform": platform.name,
    }
    check_origin(root / source, template, choice)
    rendered = render_into(root / source, template, {k: v for k, v in variables.items() if v}, choice)
    placed, recorded = managed(rendered, root, source)
    changes = lay_down({**files, **placed}, root, recorded, choice)
    return Outcome(root, changes, choice.dry_run, next=(f"cd {source} && uv run pytest",))


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
