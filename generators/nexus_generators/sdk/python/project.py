"""What makes a package of the Python client: metadata, README, changelog, tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_generators.openapi.model import Api, Operation
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.prose import base_url, line, markdown, operations
from nexus_generators.sdk.python.client import secrets
from nexus_generators.sdk.python.names import arguments
from nexus_generators.sdk.python.text import literal

_GUIDE = Path(__file__).resolve().parent / "guide.md"


def toml(text: str) -> str:
    """A TOML string."""
    return '"' + line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def pyproject(api: Api, package: Package) -> str:
    """`pyproject.toml`."""
    return f"""\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = {toml(package.name)}
version = {toml(package.version)}
license = {toml(package.licence or "LicenseRef-Proprietary")}
license-files = ["LICENSE"]
description = {toml(f"Python client of {api.title}")}
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["httpx2>=2.16,<3", "pydantic>=2.12,<3", "typing-extensions>=4.12"]
classifiers = ["Typing :: Typed"]

[project.optional-dependencies]
telemetry = ["opentelemetry-api>=1.30"]

[dependency-groups]
dev = ["mypy>=2.4", "pytest>=9.2", "ruff>=0.17"]

[tool.hatch.build.targets.wheel]
packages = ["src/{package.module}"]

[tool.ruff]
line-length = 110

[tool.ruff.lint]
select = ["E4", "E7", "E9", "F", "I", "UP", "B"]

[tool.mypy]
strict = true
mypy_path = "src"
packages = [{toml(package.module)}]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src"]
"""


def readme(api: Api, naming: Naming, package: Package, calls: Mapping[str, str]) -> str:
    """`README.md`; `calls` are examples by tag."""
    return "\n".join(_readme(api, naming, package, calls)) + "\n"


def _readme(api: Api, naming: Naming, package: Package, calls: Mapping[str, str]) -> Iterator[str]:
    found = secrets(api, package)
    first = next(iter(calls.values()), "...")
    yield f"# {markdown(api.title)}"
    yield ""
    yield f"A Python client, synchronous and asynchronous, for version {markdown(api.version)} of the API."
    yield ""
    yield f"    pip install {package.name}"
    yield ""
    yield "```python"
    yield from imports(first, package, "Client")
    yield ""
    yield f"with Client() as client:  # the server is {line(base_url(api))[:100]} unless you say another"
    yield f"    {first}"
    yield "```"
    yield ""
    if found:
        yield "Credentials are arguments of the client, or environment variables:"
        yield ""
        yield "| argument | variable | what |"
        yield "|---|---|---|"
        for secret in found:
            yield f"| `{secret.argument}` | `{secret.variable}` | {secret.scheme.kind} {markdown(secret.scheme.doc)} |"
        yield ""
    yield from _GUIDE.read_text(encoding="utf-8").split("\n")
    sketches = {
        group.tag: example(op, group.attribute, group.methods[op.pointer])
        for group in naming.groups.values()
        for op in naming.operations(api, group)[:1]
    }
    yield from operations(api, naming, "python", {**sketches, **calls})


def imports(calls: str, package: Package, *names: str) -> Iterator[str]:
    """The import lines that calls need."""
    yield from (f"import {name}" for name in ("datetime", "uuid") if f"{name}." in calls)
    yield ""
    yield f"from {package.module} import {', '.join([*names, *(['models'] if 'models.' in calls else [])])}"


def example(operation: Operation, group: str, method: str) -> str:
    """A call of an operation with what it needs."""
    names = arguments(operation)
    path = [p for p in operation.parameters if p.location == "path"]
    parts = [names[p.location, p.name] for p in path]
    if operation.bodies and operation.body_required:
        parts.append("body")
    needed = [p for p in operation.parameters if p.required and p.location != "path"]
    parts += [f"{names[p.location, p.name]}={names[p.location, p.name]}" for p in needed]
    return f"client.{group}.{method}({', '.join(parts)})"


def package_init(package: Package) -> str:
    """`__init__.py`: what a user imports."""
    names = [
        *("APIConnectionError", "APIError", "APIStatusError", "APITimeoutError", "AuthenticationError"),
        *("BadRequestError", "Basic", "ClientCredentials", "ConflictError", "File", "Hooks"),
        *("InvalidResponseError", "NotFoundError", "Options", "PermissionDeniedError", "RateLimitError"),
        *("Reply", "Retry", "ServerError", "UnprocessableEntityError"),
    ]
    exported = sorted([*names, "AsyncClient", "Client", "SERVERS", "VERSION", "models"])
    lines = [f'"""The client of {package.module}: `Client` waits, `AsyncClient` is awaited."""', ""]
    lines += ["from . import models", "from ._client import SERVERS, VERSION, AsyncClient, Client"]
    lines += ["from ._core import (", *(f"    {name}," for name in names), ")", ""]
    lines += ["__all__ = [", *(f"    {literal(name)}," for name in exported), "]"]
    return "\n".join(lines) + "\n"
