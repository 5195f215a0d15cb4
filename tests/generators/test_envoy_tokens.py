"""Development keys: made once, private, and good for tokens that others can check."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from nexus_cli.errors import NexusError
from nexus_cli.tokens import FILE, PUBLIC, DevelopmentKeys


def test_the_key_is_made_once_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "keys"
    first = DevelopmentKeys(folder).public_jwks()

    assert DevelopmentKeys(folder).public_jwks() == first
    assert {path.name for path in folder.iterdir()} == {FILE, PUBLIC}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_public_set_holds_nothing_private(tmp_path: Path) -> None:
    (key,) = json.loads(DevelopmentKeys(tmp_path).public_jwks())["keys"]

    assert "d" not in key
    assert {"kty", "crv", "kid", "alg", "use"} <= key.keys()


def test_a_token_says_what_was_asked_and_nobody_can_replace_it(tmp_path: Path) -> None:
    keys = DevelopmentKeys(tmp_path)
    token = keys.token(
        "ann", issuer="me", audience="you", claims={"tenant": "t1", "sub": "root", "exp": 9**10}, lifetime=60
    )
    decoded = jwt.decode(token, KeySet.import_key_set(json.loads(keys.public_jwks())))

    claims = decoded.claims
    assert {name: claims[name] for name in ("sub", "iss", "aud", "tenant")} == {
        "sub": "ann",
        "iss": "me",
        "aud": "you",
        "tenant": "t1",
    }
    assert claims["exp"] - claims["iat"] == 60
    assert (
        "aud"
        not in jwt.decode(
            keys.token("ann", issuer="me"), KeySet.import_key_set(json.loads(keys.public_jwks()))
        ).claims
    )


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"kty": "EC"}', '{"kty": "oct", "k": "AAAA"}'])
def test_a_damaged_key_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)

    with pytest.raises(NexusError, match="development key") as raised:
        DevelopmentKeys(tmp_path).token("ann", issuer="me")
    assert raised.value.hint
