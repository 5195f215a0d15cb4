"""What services of the workspace need to use a client as it lies there: its name, and what it installs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from nexus_generators.generator import File, Files, text

_LOCKS = Path(__file__).resolve().parent / "locks"

NAMES: Mapping[str, Callable[[str, str], str]] = {
    "python": lambda name, _: name,
    "typescript": lambda name, scope: f"@{scope}/{name}",
    "go": lambda name, scope: f"{scope}.internal/packages/{name.replace('-', '')}",
}
"""What a package of the workspace is called, from its name and its scope."""


def locks(files: Files, language: str) -> dict[str, File]:
    """The lock that services install together with their own; none where nothing is installed."""
    if language == "python":
        return {"requirements.lock": text((_LOCKS / "client.lock").read_text(encoding="utf-8"))}
    if language != "typescript":
        return {}
    manifest = json.loads(files["package.json"].content)
    lock = json.loads((_LOCKS / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: {**entry, "dev": True} for name, entry in lock["packages"].items() if name}
    own = {key: manifest[key] for key in ("name", "version", "license", "devDependencies", "engines")}
    head = {"name": manifest["name"], "version": manifest["version"], "lockfileVersion": 3, "requires": True}
    return {
        "package-lock.json": text(json.dumps({**head, "packages": {"": own, **packages}}, indent=2) + "\n")
    }
