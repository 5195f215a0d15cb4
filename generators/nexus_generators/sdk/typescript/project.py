"""What makes a package of the TypeScript client: metadata, compiler settings, README."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_generators.openapi.model import Api, Operation
from nexus_generators.openapi.names import snake
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.prose import line, markdown, operations
from nexus_generators.sdk.typescript.client import Secret, secrets
from nexus_generators.sdk.typescript.names import arguments

_GUIDE = Path(__file__).resolve().parent / "guide.md"
_NAME = re.compile(r"(?:@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*")


def package_json(api: Api, package: Package) -> str:
    """`package.json`."""
    name = package.name if _NAME.fullmatch(package.name) else package.module.replace("_", "-")
    said = {
        "name": name,
        "version": package.version,
        "description": line(f"TypeScript client of {api.title}"),
        "license": package.licence or "SEE LICENSE IN LICENSE",
        "type": "module",
        "sideEffects": False,
        "engines": {"node": ">=20"},
        "exports": {
            ".": {"workspace": "./src/index.ts", "types": "./dist/index.d.ts", "default": "./dist/index.js"},
            "./package.json": "./package.json",
        },
        "types": "./dist/index.d.ts",
        "files": ["dist", "CHANGELOG.md", "REFERENCE.md"],
        "scripts": {
            "build": "tsc -p .",
            "prepack": "tsc -p .",
            "test": "tsc -p . && node --test tests/*.test.mjs",
        },
        "devDependencies": {"typescript": "^7.0.0"},
    }
    return json.dumps(said, indent=2) + "\n"


TSCONFIG = """\
{
  "compilerOptions": {
    "target": "ES2022",
    "module": "NodeNext",
    "moduleResolution": "NodeNext",
    "lib": ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": [],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": false,
    "noImplicitOverride": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "rewriteRelativeImportExtensions": true,
    "declaration": true,
    "sourceMap": true,
    "rootDir": "src",
    "outDir": "dist"
  },
  "include": ["src"]
}
"""


def readme(api: Api, naming: Naming, package: Package, calls: Mapping[str, str]) -> str:
    """`README.md`; `calls` are examples by tag."""
    return "\n".join(_readme(api, naming, package, calls)) + "\n"


def _readme(api: Api, naming: Naming, package: Package, calls: Mapping[str, str]) -> Iterator[str]:
    found = secrets(api)
    yield f"# {markdown(api.title)}"
    yield ""
    yield f"A TypeScript client without dependencies, for version {markdown(api.version)} of the API."
    yield ""
    yield f"    npm install {package.name}"
    yield ""
    yield "```typescript"
    yield f'import {{ Client }} from "{package.name}";'
    yield ""
    given = f"{{ {found[0].setting}: {_credential(found[0], package)} }}" if found else ""
    yield f"const client = new Client({given});"
    yield from (f"console.log(await {call});" for call in list(calls.values())[:1])
    yield "```"
    yield ""
    yield _GUIDE.read_text(encoding="utf-8")
    sketches = {
        group.tag: example(op, group.attribute, group.methods[op.pointer])
        for group in naming.groups.values()
        for op in naming.operations(api, group)[:1]
    }
    yield from operations(
        api, naming, "typescript", {**sketches, **{t: f"await {c};" for t, c in calls.items()}}
    )


def _credential(secret: Secret, package: Package) -> str:
    variable = f"process.env.{package.module.upper()}_{snake(secret.setting).upper()}"
    if secret.scheme.kind == "basic":
        return f'{{ username: "ada", password: {variable} ?? "" }}'
    return variable


def example(operation: Operation, group: str, method: str) -> str:
    """A call of an operation with what it needs."""
    names = arguments(operation)
    parts = [names[p.location, p.name] for p in operation.parameters if p.required]
    parts += ["body"] if operation.bodies and operation.body_required else []
    return f"await client.{group}.{method}({'{ ' + ', '.join(parts) + ' }' if parts else ''});"
