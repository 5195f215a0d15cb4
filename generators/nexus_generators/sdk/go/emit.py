"""The Go client as files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.openapi.model import Api, Scheme
from nexus_generators.openapi.names import Names
from nexus_generators.sdk.go import models, names
from nexus_generators.sdk.go.names import GoNaming, arguments, exported
from nexus_generators.sdk.go.resources import Resources
from nexus_generators.sdk.go.text import comment, literal
from nexus_generators.sdk.library import Library, Package
from nexus_generators.sdk.python.client import base_url
from nexus_generators.sdk.python.project import changelog, code, markdown

_GUIDE = Path(__file__).resolve().parent / "guide.md"
_MODULE = re.compile(r"[a-z0-9][a-z0-9._~-]*(?:/[A-Za-z0-9._~-]+)*")
_SETTINGS = {"Server", "Timeout", "Retry", "Header", "HTTP", "OnRequest", "OnResponse", "Trace"}


def emit(api: Api, package: Package) -> Library:
    """All files of the client, and how each operation is called."""
    naming = names.decide(api)
    resources = Resources(api, naming)
    name = package.module.replace("_", "")
    files: dict[str, File] = {
        "go.mod": text(f"module {module_path(package)}\n\ngo 1.24\n"),
        "client.go": text("\n".join(_client(api, naming, package, name)) + "\n"),
        "models.go": text(models.module(api, naming, name)),
        "README.md": text("\n".join(_readme(api, naming, package, name)) + "\n"),
        "CHANGELOG.md": text(changelog(package), seed=True),
        "custom/custom.go": text(
            "// Package custom is yours: what stands here is kept when the client is generated again.\npackage custom\n",
            seed=True,
        ),
    }
    for group in naming.groups.values():
        files[f"{group.module}.go"] = text(resources.module(group, name))
    for file, content in _runtime().items():
        files[file] = text(content.replace("package PACKAGE", f"package {name}", 1))
    return Library(package, files, resources.calls)


def module_path(package: Package) -> str:
    """The module's path, if what was chosen is one."""
    return package.go_module if _MODULE.fullmatch(package.go_module) else f"example.com/{package.module}"


@cache
def _runtime() -> dict[str, str]:
    """The files that every client has alike."""
    found = sorted(names.RUNTIME.glob("*.go.txt"))
    return {path.name.removesuffix(".txt"): path.read_text(encoding="utf-8") for path in found}


def settings(api: Api) -> list[tuple[Scheme, str]]:
    """The credentials that the API knows of, with their fields."""
    taken = Names(exported)
    taken.hold(_SETTINGS)
    return [(scheme, taken.take(scheme.key, prefix="key")) for scheme in api.schemes]


def _client(api: Api, naming: GoNaming, package: Package, name: str) -> Iterator[str]:
    found = settings(api)
    said = "\n\n".join(part.strip() for part in (api.title, api.doc) if part.strip())
    yield from comment(f"Package {name} is a client of an API.\n\n{said}")
    yield f"package {name}"
    yield from ("", 'import (\n\t"cmp"\n\t"net/http"\n\t"time"\n)', "")
    yield "// Version is the version of this client."
    yield f"const Version = {literal(package.version)}"
    yield ""
    yield "// Servers are where the API is, as the document says; the first one is the default."
    yield f"var Servers = []string{{{', '.join(literal(server.address) for server in api.servers)}}}"
    yield ""
    yield "var schemes = map[string]scheme{"
    for scheme in api.schemes:
        parts = (scheme.kind, scheme.location, scheme.name, scheme.token_url)
        yield f"\t{literal(scheme.key)}: {{{', '.join(map(literal, parts))}}},"
    yield "}"
    yield ""
    yield "// Settings are what a client may be told; the zero value is a good one."
    yield "type Settings struct {"
    for scheme, field in found:
        yield from comment(scheme.doc, "\t")
        yield f"\t{field} Credential"
    yield "\tServer string"
    yield "\tTimeout time.Duration"
    yield "\tRetry *Retry"
    yield "\tHeader http.Header"
    yield "\tHTTP *http.Client"
    yield "\t// OnRequest sees every request before it is sent, OnResponse every answer."
    yield "\tOnRequest func(*http.Request)"
    yield "\tOnResponse func(*http.Response)"
    yield "\tTrace      Trace"
    yield "}"
    yield ""
    yield "// Client has all operations, by group."
    yield "type Client struct {"
    for group in naming.groups.values():
        yield f"\t{group.attribute} *{group.cls}"
    yield "}"
    yield ""
    yield from _new(api, naming, package)


def _new(api: Api, naming: GoNaming, package: Package) -> Iterator[str]:
    yield ""
    yield "// NewClient makes a client."
    yield "func NewClient(settings Settings) *Client {"
    yield "\tretry := DefaultRetry"
    yield "\tif settings.Retry != nil {\n\t\tretry = *settings.Retry\n\t}"
    yield "\tclient := settings.HTTP"
    yield "\tif client == nil {\n\t\tclient = http.DefaultClient\n\t}"
    yield "\tcredentials := map[string]Credential{}"
    for scheme, field in settings(api):
        yield f"\tif settings.{field} != nil {{\n\t\tcredentials[{literal(scheme.key)}] = settings.{field}\n\t}}"
    yield f"\t{'core' if naming.groups else '_'} {':=' if naming.groups else '='} &core{{"
    yield f"\t\tserver: cmp.Or(settings.Server, {literal(base_url(api))}),"
    yield f"\t\tuserAgent: {literal(package.name + '/')} + Version,"
    yield "\t\tschemes: schemes,\n\t\tcredentials: credentials,"
    yield "\t\ttimeout: cmp.Or(settings.Timeout, time.Minute),"
    yield "\t\tretry: retry,\n\t\theader: settings.Header,\n\t\thttp: client,"
    yield "\t\tonRequest: settings.OnRequest,\n\t\tonResponse: settings.OnResponse,"
    yield "\t\ttrace: settings.Trace,"
    yield "\t}"
    yield "\treturn &Client{"
    for group in naming.groups.values():
        yield f"\t\t{group.attribute}: &{group.cls}{{core}},"
    yield "\t}"
    yield "}"


def _readme(api: Api, naming: GoNaming, package: Package, name: str) -> Iterator[str]:
    found = settings(api)
    yield f"# {markdown(api.title)}"
    yield ""
    yield f"A Go client on the standard library, for version {markdown(api.version)} of the API."
    yield ""
    yield f"    go get {module_path(package)}"
    yield ""
    yield "```go"
    field = f'{found[0][1]}: {name}.Secret("…")' if found else ""
    yield f"client := {name}.NewClient({name}.Settings{{{field}}})"
    yield "```"
    yield ""
    yield _GUIDE.read_text(encoding="utf-8")
    yield "## Operations"
    for group in naming.groups.values():
        operations = naming.operations(api, group)
        first = operations[0]
        taken = [f"{arguments(first)[p.location, p.name]}: …" for p in first.parameters if p.required]
        taken += ["Body: …"] if first.bodies and first.body_required else []
        has_params = first.parameters or first.bodies
        params = f", {name}.{naming.params[first.pointer]}{{{', '.join(taken)}}}" if has_params else ""
        yield from ("", f"### `client.{group.attribute}`", "", "```go")
        yield f"client.{group.attribute}.{group.methods[first.pointer]}(ctx{params})"
        yield from ("```", "", "| method | operation | |", "|---|---|---|")
        for op in operations:
            yield f"| `{group.methods[op.pointer]}` | `{op.method} {code(op.path)}` | {markdown(op.summary)} |"
