"""Consumers and providers: what a service's code calls has to be in what the other one serves; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.model import Platform, Service
from nexus_cli.testing.case import Case

_SUFFIXES = {".py", ".ts", ".tsx", ".go"}
_CALL = re.compile(
    r"""[Cc]lients?(?:\(\))?\.(?P<provider>\w+)\.(?:request|Do)\(\s*(?:ctx|r\.Context\(\)|c)?,?\s*
    (?:http\.Method(?P<go>\w+)|["'](?P<method>[A-Za-z]+)["'])\s*,\s*
    (?:fmt\.Sprintf\(\s*)?f?(?P<quote>["'`])(?P<path>/[^"'`\n]*)(?P=quote)(?P<more>\s*\+)?""",
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(r"\$?\{[^}]*\}|%[sdvq]")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that stands in a service's code; parts of the path that are only known later are `{}`."""

    provider: str
    method: str
    path: str
    file: str
    line: int


def check(platform: Platform, documents: Mapping[str, dict[str, Any]]) -> Iterator[Case]:
    """Each call of each running service, against the document of the service that is called."""
    for name in documents:
        service = platform.services[name]
        names = {_plain(use.service): use.service for use in service.uses if use.service in documents}
        for call in found(platform.root, service):
            provider = names.get(_plain(call.provider))
            if provider is None:
                continue
            served = serves(documents[provider], call)
            yield Case(
                "contract",
                name,
                f"{call.method} {call.path} of {provider}",
                "passed" if served else "failed",
                message="" if served else f"{provider} does not serve {call.method} {call.path}",
                file=call.file,
                line=call.line,
            )


def found(root: Path, service: Service) -> Iterator[Call]:
    """The calls in a service's own code, not in its tests."""
    folder = root / service.source
    for path in sorted(p for part in ("src", "internal", "cmd") for p in (folder / part).rglob("*")):
        if path.suffix not in _SUFFIXES or path.name.endswith("_test.go"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for match in _CALL.finditer(text):
            written = match["path"].partition("?")[0] + ("{}" if match["more"] else "")
            yield Call(
                match["provider"],
                (match["go"] or match["method"]).upper(),
                _PLACEHOLDER.sub("{}", written),
                str(path.relative_to(root)),
                text.count("\n", 0, match.start()) + 1,
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
