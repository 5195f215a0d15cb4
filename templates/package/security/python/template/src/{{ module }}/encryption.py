"""Encryption of what is stored: AES-256-GCM under keys that are replaced without losing anything."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY, _NONCE = 32, 12


class DecryptionError(Exception):
    """What cannot be read: another key, another context, or changed on the way."""


@dataclass(frozen=True, repr=False)
class Keyring:
    """Keys by name; the first one encrypts, all of them decrypt."""

    keys: Mapping[str, bytes]

    def __post_init__(self) -> None:
        """Refuse keys that are none."""
        if not self.keys or any(len(key) != _KEY for key in self.keys.values()):
            message = f"a keyring has keys of {_KEY} bytes"
            raise ValueError(message)
        if any(not name or "." in name for name in self.keys):
            message = "a key has a name without dots"
            raise ValueError(message)

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read `NAME:BASE64,NAME:BASE64`, as an environment variable holds it; the newest first."""
        pairs = (part.strip().partition(":") for part in text.split(","))
        return cls({name: base64.urlsafe_b64decode(key) for name, _, key in pairs})

    def encrypt(self, plain: bytes, context: str = "") -> str:
        """Encrypt; only with the same context, such as the row and column, is it decrypted again."""
        name, key = next(iter(self.keys.items()))
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(key).encrypt(nonce, plain, context.encode())
        return f"{name}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, text: str, context: str = "") -> bytes:
        """Decrypt what one of the keys has encrypted."""
        name, _, body = text.partition(".")
        if name not in self.keys:
            message = f"there is no key {name!r}"
            raise DecryptionError(message)
        try:
            raw = base64.urlsafe_b64decode(body)
            return AESGCM(self.keys[name]).decrypt(raw[:_NONCE], raw[_NONCE:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise DecryptionError("changed, or of another context") from error

    def renewed(self, text: str, context: str = "") -> str | None:
        """Encrypt with the newest key what an older one has encrypted; None where it is the newest."""
        if text.startswith(f"{next(iter(self.keys))}."):
            return None
        return self.encrypt(self.decrypt(text, context), context)


def new_key() -> str:
    """Make a key as `Keyring.parse` reads it."""
    return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()
