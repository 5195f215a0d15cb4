"""What a released service offers to others: its OpenAPI document, kept beside its code when it first runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from nexus_cli.errors import NexusError
from nexus_cli.release import artifact
from nexus_cli.release.book import all_releases
from nexus_cli.release.record import Release
from nexus_cli.workspace import Workspace, write_atomic

if TYPE_CHECKING:
    from nexus_cli.sdk.changes import Comparison

PATH = "/api/openapi.json"
_BYTES = 16 << 20
_SECONDS = 2.0


def ask(url: str) -> str:
    """The document that a running service serves; empty when it serves none."""
    try:
        with urlopen(url + PATH, timeout=_SECONDS) as answer:  # noqa: S310 - http, as it is called
            text = answer.read(_BYTES + 1).decode()
        found = json.loads(text) if len(text) <= _BYTES else None
    except (OSError, HTTPException, ValueError):
        return ""
    return text if isinstance(found, dict) and "openapi" in found else ""


def keep(workspace: Workspace, service: str, release: Release, url: str) -> None:
    """Keep what the service serves there, unless it is known or the release's code is not here."""
    place = _place(workspace, service, release)
    if place.exists() or not artifact.folder(workspace, service, release.artifacts[service]).is_dir():
        return
    text = ask(url)
    if text:
        write_atomic(place, text, mode=0o600)


def last(workspace: Workspace, service: str) -> tuple[str, str]:
    """The last release of which the service's document is known, and the document; both may be empty."""
    for version, release in reversed(all_releases(workspace).items()):
        text = _kept(workspace, service, release) if service in release.artifacts else ""
        if text:
            return version, text
    return "", ""


def between(old: str, old_name: str, new: str, new_name: str) -> Comparison:
    """What changed from one document to the next; one that is none of OpenAPI's is a fault."""
    from nexus_generators.openapi.document import load

    from nexus_cli.sdk.changes import compare

    return compare(load(old, old_name), load(new, new_name))


def compared(workspace: Workspace, service: str, old: Release, new: Release) -> Comparison | None:
    """What changed for callers of the service; nothing where one of the two has never run, or serves none."""
    before, after = (_kept(workspace, service, release) for release in (old, new))
    if not before or not after or before == after:
        return None
    try:
        return between(before, f"{service} {old.version}", after, f"{service} {new.version}")
    except NexusError:  # a document that is none of OpenAPI's says nothing about what callers may rely on
        return None


def differences(workspace: Workspace, old: Release, new: Release) -> dict[str, tuple[str, ...]]:
    """What is otherwise for callers, by service that both releases have."""
    both = sorted(old.artifacts.keys() & new.artifacts.keys())
    found = {name: compared(workspace, name, old, new) for name in both}
    return {name: tuple(one.lines()) for name, one in found.items() if one and one.changes}


def breaking(found: Comparison) -> Iterator[str]:
    """What callers of the old version cannot rely on any more, a line each."""
    for change in found.changes:
        if change.breaking:
            where = f"{change.operation}:" if change.operation else ""
            yield " ".join(part for part in (where, change.place, change.message) if part)


def _kept(workspace: Workspace, service: str, release: Release) -> str:
    try:
        return _place(workspace, service, release).read_text(encoding="utf-8")
    except OSError:
        return ""


def _place(workspace: Workspace, service: str, release: Release) -> Path:
    return artifact.beside(workspace, service, release.artifacts[service].digest, "openapi.json")
