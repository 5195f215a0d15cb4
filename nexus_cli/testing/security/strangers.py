"""Those who should get nothing: requests without a right, each with a name that a person understands."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.model import Jwt
from nexus_cli.tokens import DevelopmentKeys, bearer

_SUBJECT = "nexus-test"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Who asks, by the headers that are sent and what is done to the path."""

    who: str
    headers: Mapping[str, str]
    path: Callable[[str], str] = lambda path: path


def strangers(keys: DevelopmentKeys | None, accepted: Jwt) -> list[Stranger]:
    """Everybody whom a route with tokens must refuse.

    Without `keys`, where tokens come from an identity provider, those are missing that need its signature.
    """
    return [*_without_rights(accepted), *_ways_around(), *(_stale(keys, accepted) if keys else ())]


def _without_rights(accepted: Jwt) -> Iterator[Stranger]:
    yield Stranger("no token", {})
    yield Stranger("no token, but headers that name a user", _IDENTITY)
    yield Stranger("a token that is none", bearer("nexus"))
    with tempfile.TemporaryDirectory(prefix="nexus-keys-") as folder:
        somebody = DevelopmentKeys(Path(folder))
        forged = somebody.token(_SUBJECT, issuer=accepted.issuer, audience=accepted.audience)
    yield Stranger("a token that somebody else signed", bearer(forged))
    yield Stranger("a token without a signature", bearer(unsigned(forged)))
    yield Stranger("a token in the query", {}, lambda path: f"{path}?access_token={forged}")


def _ways_around() -> Iterator[Stranger]:
    """Spellings of the path that mean the same to a service, and must not mean less to the gateway."""
    yield Stranger("no token, // before the path", {}, lambda path: f"/{path}")
    yield Stranger("no token, .. in the path", {}, lambda path: f"/x/..{path}")
    yield Stranger("no token, %2e%2e in the path", {}, lambda path: f"/x/%2e%2e{path}")
    yield Stranger("no token, an escaped slash", {}, lambda path: f"/x%2f..{path}")
    yield Stranger("no token, an escaped letter", {}, _escaped)


def _escaped(path: str) -> str:
    """The path with its last letter written as %NN."""
    return f"{path[:-1]}%{ord(path[-1]):02x}"


def _stale(keys: DevelopmentKeys, accepted: Jwt) -> Iterator[Stranger]:
    """Tokens with the right signature that are not, or no longer, meant for this gateway."""

    def signed(**changes: Any) -> dict[str, str]:
        said = {"issuer": accepted.issuer, "audience": accepted.audience, **changes}
        return bearer(keys.token(_SUBJECT, **said))

    yield Stranger("an expired token", signed(lifetime=-3600))
    yield Stranger("a token of another issuer", signed(issuer=f"not-{accepted.issuer}"))
    if accepted.audience:
        yield Stranger("a token for another audience", signed(audience=f"not-{accepted.audience}"))
    good = keys.token(_SUBJECT, issuer=accepted.issuer, audience=accepted.audience)
    yield Stranger("a token that was changed after it was signed", bearer(changed(good)))


def unsigned(token: str) -> str:
    """The token as one that claims to need no signature (`alg: none`)."""
    _, claims, _ = token.split(".")
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}."


def changed(token: str) -> str:
    """The token with another subject and the old signature."""
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return f"{header}.{_encoded({**said, 'sub': 'admin'})}.{signature}"


def _encoded(said: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


_IDENTITY = {"x-user-id": "admin", "x-tenant-id": "demo", "x-user-roles": '["admin"]'}
