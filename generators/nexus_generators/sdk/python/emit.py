"""The Python client as files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.openapi.model import Api
from nexus_generators.sdk.library import Library, Package
from nexus_generators.sdk.python import client, models, names, project
from nexus_generators.sdk.python.resources import Resources

_RUNTIME = Path(__file__).resolve().parent / "runtime"
_CUSTOM = '"""Yours: what stands here is kept when the client is generated again."""\n'


def emit(api: Api, package: Package) -> Library:
    """All files of the client, and how each operation is called."""
    naming = names.decide(api)
    resources = Resources(api, naming)
    root = f"src/{package.module}"
    files: dict[str, File] = {
        f"{root}/__init__.py": text(project.package_init(package)),
        f"{root}/py.typed": text(""),
        f"{root}/models.py": text(models.module(api, naming)),
        f"{root}/_client.py": text(client.module(api, naming, package)),
        f"{root}/resources/__init__.py": text('"""The operations, by group."""\n'),
        f"{root}/custom/__init__.py": text(_CUSTOM, seed=True),
        "pyproject.toml": text(project.pyproject(api, package)),
        "README.md": text(project.readme(api, naming, package)),
        "CHANGELOG.md": text(project.changelog(package), seed=True),
    }
    for group in naming.groups.values():
        files[f"{root}/resources/{group.module}.py"] = text(resources.module(group))
    files |= {f"{root}/_core/{name}": text(content) for name, content in _runtime().items()}
    return Library(package, files, resources.calls)


@cache
def _runtime() -> dict[str, str]:
    """The modules that every client has alike."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(_RUNTIME.glob("*.py"))}
