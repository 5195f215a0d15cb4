"""The Go client as files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from nexus_generators.generator import File, text
from nexus_generators.openapi.model import Api, Operation, Scheme
from nexus_generators.openapi.names import Names, snake
from nexus_generators.sdk.examples import Example
from nexus_generators.sdk.go import models, names
from nexus_generators.sdk.go.example import Calls, tests
from nexus_generators.sdk.go.names import GoNaming, arguments, exported
from nexus_generators.sdk.go.resources import Resources
from nexus_generators.sdk.go.text import comment, literal
from nexus_generators.sdk.groups import Group
from nexus_generators.sdk.library import Library, Package
from nexus_generators.sdk.prose import about, base_url, changelog, licence, markdown, operations
from nexus_generators.sdk.reference import Voice, reference

_GUIDE = Path(__file__).resolve().parent / "guide.md"
_MODULE = re.compile(r"[a-z0-9][a-z0-9._~-]*(?:/[A-Za-z0-9._~-]+)*")
_SETTINGS = {"Server", "Timeout", "Retry", "Header", "HTTP", "OnRequest", "OnResponse", "Trace"}


def emit(api: Api, package: Package, examples: Mapping[str, Example] | None = None) -> Library:
    """All files of the client, and how each operation is called; examples are by tag."""
    known = examples or {}
    naming = names.decide(api)
    resources = Resources(api, naming)
    name = package.module.replace("_", "")
    voice = Voice(arguments, resources.argument, resources.body, "Body", resources.returns, resources.error)
    calls = Calls(api, naming, name)
    shown = {tag: text_ for tag, one in known.items() if (text_ := calls.written(one))}
    files: dict[str, File] = {
        "go.mod": text(f"module {module_path(package)}\n\ngo 1.24\n"),
        "client.go": text("\n".join(_client(api, naming, package, name)) + "\n"),
        "models.go": text(models.module(api, naming, name)),
        "README.md": text("\n".join(_readme(api, naming, package, name, shown)) + "\n"),
        "REFERENCE.md": text(reference(api, naming, voice)),
        "LICENSE": text(licence(package), seed=True),
        "CHANGELOG.md": text(changelog(package), seed=True),
        "custom/custom.go": text(
            "// Package custom is yours: what stands here is kept when the client is generated again.\npackage custom\n",
            seed=True,
        ),
    }
    for group in naming.groups.values():
        files[f"{group.module}.go"] = text(resources.module(group, name))
    tried = tests(calls, naming, name, module_path(package), known)
    files |= {path: text(content) for path, content in tried.items()}
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
    yield from comment(f"Package {name} is a client of an API.\n\n{about(api)}")
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
    yield "\t\tretry: retry,\n\t\theader: settings.Header,\n\t\thttp: careful(client, schemes),"
    yield "\t\tonRequest: settings.OnRequest,\n\t\tonResponse: settings.OnResponse,"
    yield "\t\ttrace: settings.Trace,"
    yield "\t}"
    yield "\treturn &Client{"
    for group in naming.groups.values():
        yield f"\t\t{group.attribute}: &{group.cls}{{core}},"
    yield "\t}"
    yield "}"


def _readme(
    api: Api, naming: GoNaming, package: Package, name: str, calls: Mapping[str, str]
) -> Iterator[str]:
    found = settings(api)
    yield f"# {markdown(api.title)}"
    yield ""
    yield f"A Go client on the standard library, for version {markdown(api.version)} of the API."
    yield ""
    yield f"    go get {module_path(package)}"
    yield ""
    yield "```go"
    variable = f'os.Getenv("{name.upper()}_{snake(found[0][1]).upper()}")' if found else ""
    basic = found and found[0][0].kind == "basic"
    secret = (
        f'{name}.Basic{{Username: "ada", Password: {variable}}}' if basic else f"{name}.Secret({variable})"
    )
    field = f"{found[0][1]}: {secret}" if found else ""
    yield f"import {name} {literal(module_path(package))}"
    yield ""
    yield "ctx := context.Background()"
    yield f"client := {name}.NewClient({name}.Settings{{{field}}})"
    yield from (f"found, err := {call}" for call in list(calls.values())[:1])
    yield "```"
    yield ""
    yield _GUIDE.read_text(encoding="utf-8")
    sketches = {
        group.tag: _sketch(op, group, naming, name)
        for group in naming.groups.values()
        for op in naming.operations(api, group)[:1]
    }
    yield from operations(api, naming, "go", {**sketches, **calls})


def _sketch(operation: Operation, group: Group, naming: GoNaming, name: str) -> str:
    """A call that leaves values open."""
    taken = [f"{arguments(operation)[p.location, p.name]}: …" for p in operation.parameters if p.required]
    taken += ["Body: …"] if operation.bodies and operation.body_required else []
    has_params = operation.parameters or operation.bodies
    params = f", {name}.{naming.params[operation.pointer]}{{{', '.join(taken)}}}" if has_params else ""
    return f"client.{group.attribute}.{group.methods[operation.pointer]}(ctx{params})"
