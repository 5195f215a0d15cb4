"""Who asks: API keys, basic, bearer tokens, and OAuth 2 client credentials that renew themselves."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Secret = str | Callable[[], str]
_EARLY = 30.0  # seconds before its end at which a token is renewed


@dataclass(frozen=True)
class Basic:
    """A user name and a password."""

    username: str
    password: str


@dataclass
class ClientCredentials:
    """OAuth 2 client credentials; `token_url` is the document's unless it is given."""

    client_id: str
    client_secret: str
    scopes: tuple[str, ...] = ()
    token_url: str = ""
    _token: str = ""
    _until: float = 0.0

    def token(self) -> str | None:
        """The token, while it is good."""
        return self._token if self._token and time.monotonic() < self._until - _EARLY else None

    def forget(self) -> None:
        """The token is refused: the next request gets another one."""
        self._token = ""

    def request(self, default_url: str) -> tuple[str, dict[str, str], dict[str, str]]:
        """Address, headers and form of the request for a token."""
        form = {"grant_type": "client_credentials"}
        if self.scopes:
            form["scope"] = " ".join(self.scopes)
        return (
            self.token_url or default_url,
            {"Authorization": basic(self.client_id, self.client_secret)},
            form,
        )

    def accept(self, answer: Mapping[str, Any]) -> str:
        """Take the token from the answer."""
        self._token = str(answer["access_token"])
        self._until = time.monotonic() + float(answer.get("expires_in", 3600))
        return self._token


Credential = Secret | Basic | ClientCredentials


@dataclass(frozen=True)
class Scheme:
    """How a credential travels."""

    kind: str
    location: str = ""
    name: str = ""
    token_url: str = ""


def basic(username: str, password: str) -> str:
    """The header of HTTP basic authentication."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def chosen(
    alternatives: tuple[tuple[str, ...], ...], credentials: Mapping[str, Credential]
) -> tuple[str, ...]:
    """The first alternative for which everything is known."""
    known = [names for names in alternatives if all(name in credentials for name in names)]
    return next((names for names in known if names), ())


def apply(
    scheme: Scheme, credential: Credential, token: str | None, headers: dict[str, str], query: list[str]
) -> None:
    """Put a credential into a request."""
    if isinstance(credential, Basic):
        headers["Authorization"] = basic(credential.username, credential.password)
        return
    if isinstance(credential, ClientCredentials):
        headers["Authorization"] = f"Bearer {token}"
        return
    secret = credential() if callable(credential) else credential
    if scheme.kind != "api-key":
        headers["Authorization"] = f"Bearer {secret}"
    elif scheme.location == "query":
        query.append(f"{quote(scheme.name, safe='')}={quote(secret, safe='')}")
    elif scheme.location == "cookie":
        pair = f"{scheme.name}={quote(secret)}"
        headers["Cookie"] = f"{headers['Cookie']}; {pair}" if "Cookie" in headers else pair
    else:
        headers[scheme.name] = secret
