"""The Python client as files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.openapi.model import Api
from nexus_generators.sdk import prose
from nexus_generators.sdk.examples import Example
from nexus_generators.sdk.library import Library, Package
from nexus_generators.sdk.python import client, example, models, names, project
from nexus_generators.sdk.python.resources import Resources
from nexus_generators.sdk.reference import Voice, reference

_RUNTIME = Path(__file__).resolve().parent / "runtime"
_CUSTOM = '"""Yours: what stands here is kept when the client is generated again."""\n'


def emit(api: Api, package: Package, examples: Mapping[str, Example] | None = None) -> Library:
    """All files of the client, and how each operation is called; examples are by tag."""
    known = examples or {}
    naming = names.decide(api)
    resources = Resources(api, naming)
    voice = Voice(
        names.arguments, resources.argument, resources.body, "body", resources.returns, resources.error
    )
    root = f"src/{package.module}"
    calls = {tag: example.call(api, naming, one) for tag, one in known.items()}
    files: dict[str, File] = {
        f"{root}/__init__.py": text(project.package_init(package)),
        f"{root}/py.typed": text(""),
        f"{root}/models.py": text(models.module(api, naming)),
        f"{root}/_client.py": text(client.module(api, naming, package)),
        f"{root}/resources/__init__.py": text('"""The operations, by group."""\n'),
        f"{root}/custom/__init__.py": text(_CUSTOM, seed=True),
        "pyproject.toml": text(project.pyproject(api, package)),
        "README.md": text(project.readme(api, naming, package, calls)),
        "REFERENCE.md": text(reference(api, naming, voice)),
        "LICENSE": text(prose.licence(package), seed=True),
        "CHANGELOG.md": text(prose.changelog(package), seed=True),
    }
    for group in naming.groups.values():
        files[f"{root}/resources/{group.module}.py"] = text(resources.module(group))
    files |= {path: text(content) for path, content in example.tests(api, naming, package, known).items()}
    files |= {f"{root}/_core/{name}": text(content) for name, content in _runtime().items()}
    return Library(package, files, resources.calls)


@cache
def _runtime() -> dict[str, str]:
    """The modules that every client has alike."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(_RUNTIME.glob("*.py"))}
