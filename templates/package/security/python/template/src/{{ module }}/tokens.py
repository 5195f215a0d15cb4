"""Tokens: whose they are, checked against the keys that their issuer publishes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
"""Signatures that only the issuer can make: a secret that checks tokens could make them, too."""
_LEEWAY = 30
_AGAIN = 10.0
_LONGEST = 86_400.0  # seconds for which keys count though their issuer does not answer
_BAD = (JoseError, ValueError, TypeError)  # the last where a header is of another type

_log = logging.getLogger(__name__)

Keys = Callable[[], Awaitable[KeySetSerialization]]


class InvalidTokenError(Exception):
    """A token that proves nothing; the reason is for the log, not for whoever sent it."""


class UnknownKeysError(Exception):
    """The issuer does not answer, and no keys of it are known: nobody can say whose a token is."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: what a checked token says."""

    subject: str
    tenant: str = ""
    roles: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict)


def published(url: str) -> Keys:
    """Read the keys where the issuer publishes them (JWKS)."""

    async def read() -> KeySetSerialization:
        import httpx2  # noqa: PLC0415

        async with httpx2.AsyncClient(timeout=5) as client:
            answer = await client.get(url)
            found: KeySetSerialization = answer.raise_for_status().json()
            return found

    return read


class Verifier:
    """Checks tokens of one issuer for one audience.

    Keys are read again when they are older than `keep` seconds, and when a token names one that is not
    known: the issuer has rotated them. They are asked for every ten seconds at most, whatever is sent and
    whether the issuer answers or not; while it does not, keys that are known count for a day.
    """

    def __init__(self, keys: Keys, *, issuer: str, audience: str, keep: float = 600) -> None:
        self._read = keys
        self._keep = keep
        self._keys: KeySet | None = None
        self._at = self._tried = -_LONGEST
        self._reading = asyncio.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def verify(self, token: str) -> Principal:
        """Say whose token it is."""
        keys = await self._known(self._keep)
        try:
            claims = self._checked(token, keys)
        except _BAD:
            again = await self._known(_AGAIN)
            if again is keys:
                raise InvalidTokenError("not signed by the issuer, or not for us") from None
            try:
                claims = self._checked(token, again)
            except _BAD as error:
                raise InvalidTokenError(str(error)) from None
        roles = claims.get("roles", ())
        return Principal(
            subject=str(claims["sub"]),
            tenant=str(claims.get("tenant", "")),
            roles=frozenset(map(str, roles)) if isinstance(roles, list) else frozenset(),
            claims=claims,
        )

    def _checked(self, token: str, keys: KeySet) -> dict[str, Any]:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        self._claims.validate(decoded.claims)
        return dict(decoded.claims)

    async def _known(self, keep: float) -> KeySet:
        """Read the keys unless they are young enough; one reads, the others wait for it."""
        if self._due(keep):
            async with self._reading:
                if self._due(keep):
                    await self._renew()
        if self._keys is None or time.monotonic() - self._at > _LONGEST:
            raise UnknownKeysError("the issuer's keys cannot be read")
        return self._keys

    def _due(self, keep: float) -> bool:
        now = time.monotonic()
        return now - self._at > keep and now - self._tried > _AGAIN

    async def _renew(self) -> None:
        try:
            self._keys = KeySet.import_key_set(await self._read())
        except Exception:  # noqa: BLE001 - whatever it is, it may pass
            _log.warning("the issuer's keys cannot be read", exc_info=True)
        else:
            self._at = time.monotonic()
        finally:
            self._tried = time.monotonic()


def bearer(authorization: str | None) -> str:
    """Take the token out of an `Authorization` header."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidTokenError("no bearer token")
    return token.strip()
