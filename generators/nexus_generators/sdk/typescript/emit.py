"""The TypeScript client as files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.openapi.model import Api
from nexus_generators.sdk.examples import Example
from nexus_generators.sdk.library import Library, Package
from nexus_generators.sdk.prose import changelog, licence
from nexus_generators.sdk.reference import Voice, reference
from nexus_generators.sdk.typescript import client, example, models, names, project
from nexus_generators.sdk.typescript.resources import Resources

_RUNTIME = Path(__file__).resolve().parent / "runtime"
_CUSTOM = "// Yours: what stands here is kept when the client is generated again.\nexport {};\n"


def emit(api: Api, package: Package, examples: Mapping[str, Example] | None = None) -> Library:
    """All files of the client, and how each operation is called; examples are by tag."""
    known = examples or {}
    naming = names.decide(api)
    resources = Resources(api, naming)
    voice = Voice(
        names.arguments, resources.argument, resources.body, "body", resources.returns, resources.error
    )
    calls = {tag: example.call(api, naming, one) for tag, one in known.items()}
    files: dict[str, File] = {
        "src/index.ts": text(client.INDEX),
        "src/client.ts": text(client.module(api, naming, package)),
        "src/models.ts": text(models.module(api, naming)),
        "src/custom/index.ts": text(_CUSTOM, seed=True),
        "package.json": text(project.package_json(api, package)),
        "tsconfig.json": text(project.TSCONFIG),
        "README.md": text(project.readme(api, naming, package, calls)),
        "REFERENCE.md": text(reference(api, naming, voice)),
        "LICENSE": text(licence(package), seed=True),
        "CHANGELOG.md": text(changelog(package), seed=True),
    }
    for group in naming.groups.values():
        files[f"src/resources/{group.module}.ts"] = text(resources.module(group))
    files |= {path: text(content) for path, content in example.tests(api, naming, known).items()}
    files |= {f"src/core/{name}": text(content) for name, content in _runtime().items()}
    return Library(package, files, resources.calls)


@cache
def _runtime() -> dict[str, str]:
    """The modules that every client has alike."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(_RUNTIME.glob("*.ts"))}
