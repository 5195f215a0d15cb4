"""What makes a package of the Python client: metadata, README, changelog, tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_generators.openapi.model import Api, Operation
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.python.client import base_url, secrets
from nexus_generators.sdk.python.names import arguments
from nexus_generators.sdk.python.text import literal, visible

_ONE_LINE = 200
_GUIDE = Path(__file__).resolve().parent / "guide.md"


def line(text: str) -> str:
    """A text on one line, for Markdown and TOML: no markup, no control characters."""
    return " ".join(visible(text).split())[:_ONE_LINE]


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


_MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def licence(package: Package) -> str:
    """`LICENSE`, which is yours after the first time: MIT where the document is, else nothing is given away."""
    if package.licence == "MIT":
        return f"MIT License\n\nCopyright (c) the owners of {package.name}\n\n{_MIT}"
    return (
        f"Copyright (c) the owners of {package.name}. All rights reserved.\n\n"
        "Put the licence here under which you hand this package on; it is kept when the client is generated again.\n"
    )


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
    yield "## Operations"
    yield ""
    yield "Each with its arguments and errors in [the reference](REFERENCE.md)."
    for group in naming.groups.values():
        operations = [op for op in api.operations if op.pointer in group.methods]
        yield from ("", f"### `client.{group.attribute}`", "", "```python")
        yield calls.get(group.tag) or example(
            operations[0], group.attribute, group.methods[operations[0].pointer]
        )
        yield from ("```", "", "| method | operation | |", "|---|---|---|")
        for op in operations:
            yield f"| `{group.methods[op.pointer]}` | `{op.method} {code(op.path)}` | {markdown(op.summary)} |"


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


def markdown(text: str) -> str:
    """A text inside a table or a heading of Markdown, as it is meant and not as markup."""
    clean = line(text)
    for sign in "\\`*_{}[]<>#|!":
        clean = clean.replace(sign, "&lt;" if sign == "<" else "&gt;" if sign == ">" else "\\" + sign)
    return clean


def code(text: str) -> str:
    """A text between backticks in a table."""
    return line(text).replace("`", "'").replace("|", "\\|")


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


def changelog(package: Package) -> str:
    """`CHANGELOG.md`, which is yours after the first time."""
    return f"# Changelog\n\n## {package.version}\n\n- The first version, generated from the API's document.\n"
