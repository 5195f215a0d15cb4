"""Generated credentials and a person's secrets of one environment: files of mode 0600, outside git."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from nexus_cli.blueprint.linting.rule import Fault
from nexus_cli.blueprint.model import GENERATED, Platform, SecretSource
from nexus_cli.workspace import read_json, write_atomic

_MADE = {"generated": partial(secrets.token_urlsafe, 24), "generated-hex": partial(secrets.token_hex, 16)}


def credentials(folder: Path, platform: Platform) -> dict[str, dict[str, str]]:
    """Each component's credentials; those that are to be generated are made once and kept."""
    path = folder / "credentials.json"
    kept = {str(k): dict(v) for k, v in read_json(path).items() if isinstance(v, dict)}
    missing = False
    for component in platform.components.values():
        mine = kept.setdefault(component.name, {})
        for name, written in component.credentials.items():
            if written in GENERATED and name not in mine:
                mine[name] = _MADE[written]()
                missing = True
    if missing:
        write_atomic(path, json.dumps(kept, indent=2, sort_keys=True) + "\n", mode=0o600)
    return {
        name: {
            key: kept[name].get(key, value) if value in GENERATED else value
            for key, value in c.credentials.items()
        }
        for name, c in platform.components.items()
    }


def key(folder: Path) -> bytes:
    """The key that fingerprints are made with, so that they tell nothing about the secrets in them."""
    path = folder / "key"
    if not path.exists():
        write_atomic(path, secrets.token_bytes(32), mode=0o600)
    return path.read_bytes()


def stored(folder: Path) -> dict[str, str]:
    """The secrets that a person gave with `nexus secret set`."""
    return {str(name): str(value) for name, value in read_json(folder / "secrets.json").items()}


def store(folder: Path, name: str, value: str | None) -> None:
    """Keep a secret, or forget it when `value` is None."""
    values = stored(folder)
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
    write_atomic(folder / "secrets.json", json.dumps(values, indent=2, sort_keys=True) + "\n", mode=0o600)


def resolve(folder: Path, platform: Platform, source: SecretSource | None = None) -> dict[str, str]:
    """The value of every secret that a unit names, from where the environment's blueprint says."""
    from nexus_cli.secrets import providers

    names = {name for unit in platform.units for name in unit.secrets}
    if source is None or not names:
        return providers.from_environment(folder, names, None)
    return providers.PROVIDERS[source.provider](folder, names, source.path)


def stand_ins(
    folder: Path,
    platform: Platform,
    environment: str,
    values: Mapping[str, str],
    *,
    always: bool = False,
) -> dict[str, str]:
    """Generated values for the secrets that nobody gave one, where the environment's provider makes them.

    They are enough to start: keys of one's own work, a provider elsewhere refuses them.
    """
    described = platform.environments.get(environment)
    if not always and (described is None or described.secrets.provider != "generated"):
        return {}
    return made_up(folder, {name for unit in platform.units for name in unit.secrets} - set(values))


def made_up(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Values made at random when they are first wanted, and kept apart from those that a person gave."""
    path = folder / "stand-ins.json"
    kept = {str(name): str(value) for name, value in read_json(path).items()}
    fresh = {name: secrets.token_urlsafe(32) for name in sorted(names) if name not in kept}
    if fresh:
        kept |= fresh
        write_atomic(path, json.dumps(kept, indent=2, sort_keys=True) + "\n", mode=0o600)
    return {name: kept[name] for name in names}


def missing(platform: Platform, values: Mapping[str, str], wanted: set[str]) -> list[Fault]:
    """A fault for each secret without a value of the wanted services and components."""
    return [
        (
            unit.kind,
            unit.name,
            ["secrets", index],
            f"secret {name} has no value",
            f"run `nexus secret set {name}`, or export {name}",
        )
        for unit in platform.units
        if unit.name in wanted
        for index, name in enumerate(unit.secrets)
        if name not in values
    ]
