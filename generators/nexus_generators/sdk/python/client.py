"""The two client classes of the Python client: credentials, servers, groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nexus_generators.openapi.model import Api, Scheme
from nexus_generators.openapi.names import Names, snake
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.prose import about, base_url
from nexus_generators.sdk.python.names import KEYWORDS
from nexus_generators.sdk.python.text import docstring, literal

_ARGUMENTS = (
    KEYWORDS
    | {"core", "auth", "os", "httpx2", "name", "one"}
    | {"server", "timeout", "retry", "headers", "hooks", "http", "self", "credentials"}
)
_KINDS = {
    "api-key": "core.Secret",
    "bearer": "core.Secret | core.ClientCredentials",
    "oauth2": "core.Secret | core.ClientCredentials",
    "basic": "core.Basic",
    "other": "core.Secret",
}


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential as the client takes it: argument and environment variable."""

    scheme: Scheme
    argument: str
    variable: str
    annotation: str


def secrets(api: Api, package: Package) -> list[Secret]:
    """The credentials that the API knows of."""
    names = Names(snake, _ARGUMENTS)
    prefix = package.module.upper()
    found = []
    for scheme in api.schemes:
        argument = names.take(scheme.key, prefix="key")
        found.append(Secret(scheme, argument, f"{prefix}_{argument.upper()}", _KINDS[scheme.kind]))
    return found


def module(api: Api, naming: Naming, package: Package) -> str:
    """The text of `_client.py`."""
    lines = [
        '"""The clients: one that waits, one that is awaited."""',
        "",
        "from __future__ import annotations",
        "",
    ]
    lines += ["import os", "from collections.abc import Mapping", "from types import TracebackType", ""]
    lines += ["import httpx2", "", "from . import _core as core", "from ._core import auth"]
    lines += [
        f"from .resources import {g.module}" for g in sorted(naming.groups.values(), key=lambda g: g.module)
    ]
    lines += ["", f"VERSION = {literal(package.version)}", "SERVERS = ("]
    lines += [f"    {literal(server.address)}," for server in api.servers] + [")"]
    lines += [
        '"""Where the API is, as the document says; the first one is the default."""',
        "",
        "_SCHEMES: dict[str, auth.Scheme] = {",
    ]
    for scheme in api.schemes:
        parts = [
            literal(scheme.kind),
            literal(scheme.location),
            literal(scheme.name),
            literal(scheme.token_url),
        ]
        lines.append(f"    {literal(scheme.key)}: auth.Scheme({', '.join(parts)}),")
    lines += ["}", ""]
    for asynchronous in (False, True):
        lines += ["", *_class(api, naming, package, asynchronous)]
    lines += ["", "", *_variable()]
    return "\n".join(lines) + "\n"


def _class(api: Api, naming: Naming, package: Package, asynchronous: bool) -> Iterator[str]:
    prefix = "Async" if asynchronous else ""
    found = secrets(api, package)
    yield f"class {prefix}Client:"
    yield from docstring(about(api), "    ")
    yield ""
    yield "    def __init__("
    yield "        self,"
    yield "        *,"
    for secret in found:
        yield f"        {secret.argument}: {secret.annotation} | None = None,"
    yield f"        server: str = {literal(base_url(api))},"
    yield "        timeout: float = 60.0,"
    yield "        retry: core.Retry | None = None,"
    yield "        headers: Mapping[str, str] | None = None,"
    yield "        hooks: core.Hooks | None = None,"
    yield f"        http: httpx2.{prefix}Client | None = None,"
    yield "    ) -> None:"
    yield "        credentials: dict[str, core.Credential | None] = {"
    for secret in found:
        reader = "_pair" if secret.scheme.kind == "basic" else "os.environ.get"
        yield f"            {literal(secret.scheme.key)}: {secret.argument} or {reader}({literal(secret.variable)}),"
    yield "        }"
    yield f"        self.core = core.{prefix}Core("
    yield "            core.Config("
    yield "                server=server,"
    yield f"                user_agent=f{literal(package.name + '/{VERSION}')},"
    yield "                schemes=_SCHEMES,"
    yield "                credentials={name: one for name, one in credentials.items() if one is not None},"
    yield "                timeout=timeout,"
    yield "                retry=retry or core.Retry(),"
    yield "                headers=headers or {},"
    yield "                hooks=hooks or core.Hooks(),"
    yield "            ),"
    yield "            http,"
    yield "        )"
    yield "        self.raw = self.core.raw"
    for group in naming.groups.values():
        yield f"        self.{group.attribute} = {group.module}.{prefix}{group.cls}(self.core)"
    yield from _context(prefix)


def _context(prefix: str) -> Iterator[str]:
    word, wait, a = ("async def", "await ", "a") if prefix else ("def", "", "")
    yield ""
    yield f"    {word} close(self) -> None:"
    yield '        """Close the connections."""'
    yield f"        {wait}self.core.close()"
    yield ""
    yield f"    {word} __{a}enter__(self) -> {prefix}Client:"
    yield "        return self"
    yield ""
    yield f"    {word} __{a}exit__("
    yield "        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None"
    yield "    ) -> None:"
    yield f"        {wait}self.close()"


def _variable() -> list[str]:
    return [
        "def _pair(name: str) -> core.Basic | None:",
        '    """`user:password` in an environment variable."""',
        '    user, found, password = os.environ.get(name, "").partition(":")',
        "    return core.Basic(user, password) if found else None",
    ]
