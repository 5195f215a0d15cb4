"""Secrets of HashiCorp Vault or OpenBao: read, written, and followed when they rotate."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvac import Client


_log = logging.getLogger(__name__)


class SecretError(Exception):
    """A secret that cannot be had; its message never holds a value."""


class RefusedError(SecretError):
    """A secret that is not there, or not for us: asking again does not change that."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A version of a secret."""

    version: int
    values: Mapping[str, str] = field(repr=False)


class Vault:
    """The key-value engine (version 2) of one server; calls run in threads, for its client blocks.

    A secret that was read less than `keep` seconds ago is not asked for again.
    """

    def __init__(self, url: str, token: str, *, mount: str = "secret", keep: float = 60) -> None:
        self._url, self._token, self._mount, self._keep = url, token, mount, keep
        self._read: dict[str, tuple[float, Secret]] = {}
        self._client: Client | None = None

    async def read(self, path: str, *, fresh: bool = False) -> Secret:
        """Read the newest version."""
        known = self._read.get(path)
        if known is not None and not fresh and time.monotonic() - known[0] < self._keep:
            return known[1]
        answer = await self._call("read_secret_version", path, raise_on_deleted_version=True)
        found = answer["data"]
        secret = Secret(found["metadata"]["version"], dict(found["data"]))
        self._read[path] = (time.monotonic(), secret)
        return secret

    async def write(self, path: str, values: Mapping[str, str]) -> int:
        """Write a new version, and say its number; versions before it stay readable."""
        answer = await self._call("create_or_update_secret", path, secret=dict(values))
        self._read.pop(path, None)
        version: int = answer["data"]["version"]
        return version

    async def follow(self, path: str, *, every: float = 30) -> AsyncIterator[Secret]:
        """Give the secret, then each new version of it as it appears.

        While the server does not answer, what was given last stays in force. `RefusedError` when the secret
        was taken away, or the right to read it.
        """
        last = 0
        while True:
            try:
                secret = await self.read(path, fresh=True)
            except RefusedError:
                raise
            except SecretError as error:
                if not last:
                    raise
                _log.warning("version %d stays in force: %s", last, error)
            else:
                if secret.version != last:
                    last = secret.version
                    yield secret
            await asyncio.sleep(every)

    async def _call(self, name: str, path: str, **more: Any) -> Any:
        from hvac import Client  # noqa: PLC0415
        from hvac.exceptions import Forbidden, InvalidPath, VaultError  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415

        if self._client is None:
            self._client = Client(url=self._url, token=self._token, timeout=5)
        method = getattr(self._client.secrets.kv.v2, name)
        call = partial(method, path=path, mount_point=self._mount, **more)
        try:
            return await asyncio.to_thread(call)
        except (VaultError, RequestException) as error:
            message = f"{self._mount}/{path}: {type(error).__name__}"
            refused = isinstance(error, Forbidden | InvalidPath)
            raise (RefusedError if refused else SecretError)(message) from None
