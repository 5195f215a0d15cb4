"""Where the values of secrets come from: one function for each kind of source, found in a dict."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.secrets import store

Provider = Callable[[Path, Collection[str], str | None], dict[str, str]]
"""From an environment's state folder, the names that are wanted and the source's path to the values found."""

_TIMEOUT = 10


class ProviderDown(NexusError):
    """The source of an environment's secrets does not answer; nothing was begun."""


def from_environment(folder: Path, names: Collection[str], path: str | None) -> dict[str, str]:
    """From nexus's own environment, else what `nexus secret set` kept."""
    del path
    kept = store.stored(folder)
    found = {name: os.environ.get(name) or kept.get(name) for name in names}
    return {name: value for name, value in found.items() if value}


def made(folder: Path, names: Collection[str], path: str | None) -> dict[str, str]:
    """Made at random when they are first wanted, and kept; those that a person gave count."""
    given = from_environment(folder, names, path)
    return {**given, **store.made_up(folder, set(names) - set(given))}


def from_file(folder: Path, names: Collection[str], path: str | None) -> dict[str, str]:
    """From the `NAME=value` lines of a file that nobody else may read."""
    del folder
    if path is None:
        raise UsageError("secrets from a file need its `path`", hint="secrets: {provider: file, path: …}")
    file = Path(path).expanduser()
    try:
        mode = file.stat().st_mode
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderDown(f"the secrets in {file} cannot be read: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"others may read the secrets in {file}", hint=f"chmod 600 {file}")
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator:
            raise UsageError(f"{file}:{number}: expected NAME=value")
        found[name.strip()] = value.strip()
    return {name: found[name] for name in names if name in found}


def from_vault(folder: Path, names: Collection[str], path: str | None) -> dict[str, str]:
    """From one secret of a key-value engine (version 2), `MOUNT/PATH`, at VAULT_ADDR with VAULT_TOKEN."""
    del folder
    try:
        import hvac
        from hvac.exceptions import VaultError
        from requests.exceptions import RequestException
    except ImportError as error:
        raise UsageError("secrets from Vault need hvac", hint="pip install nexus-platform[vault]") from error
    mount, _, inside = (path or "").partition("/")
    if not inside:
        raise UsageError("secrets from Vault need a `path`", hint="secrets: {provider: vault, path: kv/shop}")
    try:
        client = hvac.Client(timeout=_TIMEOUT)
        answer = client.secrets.kv.v2.read_secret_version(
            path=inside, mount_point=mount, raise_on_deleted_version=True
        )
    except (VaultError, RequestException, OSError) as error:
        reason = str(error).partition(", on ")[0] or type(error).__name__
        raise ProviderDown(
            f"Vault at {os.environ.get('VAULT_ADDR', 'VAULT_ADDR (not set)')} gives no {path}: {reason}",
            hint="check VAULT_ADDR and VAULT_TOKEN; nothing was begun",
        ) from error
    values: Mapping[str, object] = answer["data"]["data"]
    return {name: str(values[name]) for name in names if name in values}


PROVIDERS: Mapping[str, Provider] = {
    "env": from_environment,
    "generated": made,
    "file": from_file,
    "vault": from_vault,
}
