"""Consumers and providers: what a service's code calls has to be in what the other one serves; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nexus_cli.blueprint.model import Platform, Route, Service
from nexus_cli.testing.case import Case

_SUFFIXES = {".py", ".ts", ".tsx", ".js", ".jsx", ".go"}
_PARTS = ("src", "internal", "cmd")
_TEST = re.compile(r"_test\.go$|\.(test|spec)\.[jt]sx?$")
_CALL = re.compile(
    r"""[Cc]lients?(?:\(\))?\.(?P<provider>\w+)\.(?:request|Do)\(\s*(?:ctx|r\.Context\(\)|c)?,?\s*
    (?:http\.Method(?P<go>\w+)|["'](?P<method>[A-Za-z]+)["'])\s*,\s*
    (?:fmt\.Sprintf\(\s*)?f?(?P<quote>["'`])(?P<path>/[^"'`\n]*)(?P=quote)(?P<more>\s*\+)?""",
    re.VERBOSE,
)
"""A request by method and path."""
_DESCRIBED = re.compile(
    r"^### `(?P<group>\w+)\.(?P<name>\w+)`\n+`(?P<method>[A-Z]+) (?P<path>/[^`]*)`", re.MULTILINE
)
"""An operation in the reference of a generated client: what it is called in code, and what it asks for."""
_TYPED = re.compile(r"[Cc]lients?(?:\(\))?\s*\.\s*(?P<provider>\w+)\s*(?:\.\s*(?:api|API)\b|\(\))")
"""Where a service's own clients have the generated one of another service."""
_USED = re.compile(r"\b(?P<group>\w+)\s*\.\s*(?P<name>\w+)\s*\(")
_PAGES = re.compile(
    r"""["'`]/api/gateway(?P<fetched>/[^"'`?\n]*)|\bpath:\s*["'](?P<listed>/api/[^"'\n]*)["']"""
)
"""What the pages of a web application read: through its own server, and of the resources that they show."""
_PLACEHOLDER = re.compile(r"\$?\{[^}]*\}|%[sdvq]")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that stands in a service's code; parts of the path that are only known later are `{}`.

    Without a `provider`, it goes through the gateway, which says whom it leads to.
    """

    provider: str
    method: str
    path: str
    file: str
    line: int


def check(platform: Platform, documents: Mapping[str, dict[str, Any]], of: Collection[str]) -> Iterator[Case]:
    """Each call of some services, against the document of the service that is called, if that runs."""
    for name in of:
        for call in found(platform, platform.services[name]):
            led = _led(platform, call) if not call.provider else call
            if led is None:
                yield _case(name, call, "the gateway", "no route of the gateway leads there")
            elif led.provider in documents:
                served = serves(documents[led.provider], led)
                wrong = f"{led.provider} does not serve {led.method} {led.path}"
                yield _case(name, call, led.provider, "" if served else wrong)


def found(platform: Platform, service: Service) -> Iterator[Call]:
    """The calls in a service's own code, not in its tests."""
    folder = platform.root / service.source
    names = {_plain(use.service): use.service for use in service.uses if use.service in platform.services}
    clients = list(_clients(platform, service))
    for path in sorted(p for part in _PARTS for p in (folder / part).rglob("*")):
        if path.suffix not in _SUFFIXES or _TEST.search(path.name):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        file = str(path.relative_to(platform.root))
        for at, provider, method, written in _calls(text, clients, pages=service.type == "nextjs"):
            known = names.get(_plain(provider)) if provider else ""
            if known is not None:
                where = _PLACEHOLDER.sub("{}", written.partition("?")[0])
                yield Call(known, method, where, file, text.count("\n", 0, at) + 1)


Found = tuple[int, str, str, str]
"""Where in the text, the provider as code names it (empty: the gateway), the method and the path."""


@dataclass(frozen=True, slots=True)
class _Client:
    """A generated client that a service depends on: by group and name, what each operation asks for."""

    service: str
    package: str
    operations: Mapping[tuple[str, str], tuple[str, str]]


def _clients(platform: Platform, service: Service) -> Iterator[_Client]:
    for package in platform.packages_of(service):
        reference = platform.root / package.source / "REFERENCE.md"
        provider = package.client_of
        if provider is not None and provider in platform.services and reference.is_file():
            said = _DESCRIBED.finditer(reference.read_text(encoding="utf-8"))
            operations = {(o["group"], o["name"]): (o["method"], o["path"]) for o in said}
            yield _Client(provider, package.name, operations)


def _calls(text: str, clients: Collection[_Client], *, pages: bool) -> Iterator[Found]:
    for match in _CALL.finditer(text):
        method = (match["go"] or match["method"]).upper()
        yield match.start(), match["provider"], method, match["path"] + ("{}" if match["more"] else "")
    typed = {_plain(match["provider"]) for match in _TYPED.finditer(text)}
    spoken = _plain(text) if clients else ""
    known = [c for c in clients if _plain(c.package) in spoken or _plain(c.service) in typed]
    for match in _USED.finditer(text) if known else ():
        for client in known:
            asked = client.operations.get((match["group"], match["name"]))
            if asked:
                yield match.start(), client.service, *asked
    for match in _PAGES.finditer(text) if pages else ():
        path = match["fetched"] or match["listed"]
        if path != "/" and not path.startswith(("/${", "/{")):  # which it is, is only known later
            yield match.start(), "", "GET", path


def _led(platform: Platform, call: Call) -> Call | None:
    """Whom the gateway leads a call to, and what is asked there; nobody if no route fits."""
    fitting = [
        (len(route.path.rstrip("/")), bool(route.methods), service.name, route)
        for service in platform.services.values()
        for route in service.routes
        if _below(call.path, route) and (not route.methods or call.method in route.methods)
    ]
    if not fitting:
        return None
    *_, name, route = max(fitting, key=lambda one: one[:3])
    inside = (route.rewrite or route.path).rstrip("/") + call.path.removeprefix(route.path.rstrip("/"))
    return Call(name, call.method, inside, call.file, call.line)


def _below(path: str, route: Route) -> bool:
    return f"{path}/".startswith(f"{route.path.rstrip('/')}/")


def _case(name: str, call: Call, provider: str, wrong: str) -> Case:
    said = f"{call.method} {call.path} of {provider}"
    return Case(
        "contract", name, said, "failed" if wrong else "passed", 0, wrong, file=call.file, line=call.line
    )


def serves(document: Mapping[str, Any], call: Call) -> bool:
    """Whether a document has the operation that is called."""
    for path, operations in document["paths"].items():
        if call.method.lower() in operations and _same(path, call.path):
            return True
    return False


def _same(served: str, called: str) -> bool:
    """Whether a path that is called can be one that is served; a part in braces is any part."""
    ours, theirs = served.strip("/").split("/"), called.strip("/").split("/")
    return len(ours) == len(theirs) and all(
        one == other or "{" in one or "{}" in other for one, other in zip(ours, theirs, strict=True)
    )


def _plain(name: str) -> str:
    """A service's name without how a language writes it: userManagement, user_management, user-management."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
