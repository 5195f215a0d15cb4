"""Development keys and tokens: what an identity provider is elsewhere, on a developer's machine."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.workspace import private_folder, write_atomic

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

FILE = "development-key.json"
PUBLIC = "development-jwks.json"
# Every gateway and library checks ES256; Ed25519 is missing in many.
_ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class DevelopmentKeys:
    """The signing key of a workspace, in a file that only its user can read; made when it is first needed."""

    folder: Path

    def public_jwks(self) -> str:
        """Return the public half as a JSON Web Key Set; it is kept, since what reads keys is slow to load."""
        key, public = self.folder / FILE, self.folder / PUBLIC
        if not (key.exists() and public.exists()):
            keys = {"keys": [self._key().as_dict(private=False)]}
            write_atomic(public, json.dumps(keys, sort_keys=True), mode=0o600)
        return public.read_text(encoding="utf-8")

    def token(
        self,
        subject: str,
        *,
        issuer: str,
        audience: str | None = None,
        claims: Mapping[str, Any] | None = None,
        lifetime: float = 3600,
    ) -> str:
        """Sign a token for `lifetime` seconds; `claims` cannot replace what the other arguments say."""
        from joserfc import jwt

        key = self._key()
        now = int(time.time())
        fixed = {"iss": issuer, "sub": subject, "iat": now, "exp": now + int(lifetime)}
        audiences = {} if audience is None else {"aud": audience}
        return jwt.encode({"alg": _ALGORITHM, "kid": key.kid}, {**(claims or {}), **fixed, **audiences}, key)

    def _key(self) -> ECKey:
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey

        path = self.folder / FILE
        if not path.exists():
            private_folder(self.folder)
            fresh = ECKey.generate_key(
                "P-256", {"use": "sig", "alg": _ALGORITHM}, private=True, auto_kid=True
            )
            write_atomic(path, json.dumps(fresh.as_dict(private=True)), mode=0o600)
            (self.folder / PUBLIC).unlink(missing_ok=True)
        try:
            return ECKey.import_key(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, JoseError) as error:
            raise NexusError(
                f"cannot read the development key {path}: {error}",
                hint="remove the file; a new key is made, and tokens signed by the old one are refused",
            ) from error


def bearer(token: str) -> dict[str, str]:
    """The header that a token is sent in."""
    return {"authorization": f"Bearer {token}"}


def parse_claims(written: Sequence[str]) -> dict[str, Any]:
    """Claims from `name=value`; a value that is JSON is taken as such, everything else is text."""
    claims: dict[str, Any] = {}
    for text in written:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(
                f'cannot read the claim "{text}"', hint='write NAME=VALUE, such as roles=["admin"]'
            )
        try:
            claims[name] = json.loads(value)
        except ValueError:
            claims[name] = value
    return claims
