"""How many replicas of each service run: as asked for, else as the environment or the blueprint says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.errors import UsageError
from nexus_cli.workspace import read_json, write_atomic

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform

_FILE = "scale.json"


def counts(
    folder: Path, platform: Platform, environment: str, wanted: Mapping[str, int] | None = None
) -> dict[str, int]:
    """How many replicas of each service run: as wanted now, asked for before, or described."""
    for name in wanted or ():
        _check(platform, name)
    described = platform.environments.get(environment)
    replicas = {name: service.scale.replicas for name, service in platform.services.items()}
    over = {**(described.replicas if described else {}), **asked(folder), **(wanted or {})}
    return {**replicas, **{name: count for name, count in over.items() if name in replicas}}


def asked(folder: Path) -> dict[str, int]:
    """What was asked for since the environment was last taken down."""
    return {name: count for name, count in read_json(folder / _FILE).items() if isinstance(count, int)}


def ask(folder: Path, wanted: Mapping[str, int]) -> None:
    """Remember numbers of replicas beside those that were asked for before."""
    write_atomic(folder / _FILE, json.dumps({**asked(folder), **wanted}, indent=2) + "\n", mode=0o600)


def forget(folder: Path) -> None:
    """What is described counts again."""
    (folder / _FILE).unlink(missing_ok=True)


def parsed(words: Iterable[str]) -> dict[str, int]:
    """What `order=3` asks for; a word that does not say how many is a fault."""
    from nexus_cli.blueprint.model import MOST_REPLICAS

    wanted = {}
    for word in words:
        name, _, number = word.partition("=")
        if not number.isascii() or not number.isdigit() or int(number) > MOST_REPLICAS:
            raise UsageError(
                f'"{word}" does not say how many', hint=f"for example {name}=3, at most {MOST_REPLICAS}"
            )
        wanted[name] = int(number)
    return wanted


def _check(platform: Platform, name: str) -> None:
    from nexus_cli.blueprint.load import did_you_mean

    if name in platform.components:
        raise UsageError(f"{name} is a component: only services have replicas")
    if name not in platform.services:
        hint = did_you_mean(name, platform.services) or f"there are {', '.join(sorted(platform.services))}"
        raise UsageError(f'unknown service "{name}"', hint=hint)
