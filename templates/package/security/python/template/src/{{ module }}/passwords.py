"""Passwords: kept as Argon2id hashes, made and checked in a thread because that takes a quarter of a second."""

import asyncio
import secrets
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwdlib import PasswordHash

_LONGEST = 1024
_NOBODY = secrets.token_urlsafe()


@cache
def _hasher() -> "PasswordHash":
    from pwdlib import PasswordHash  # noqa: PLC0415

    return PasswordHash.recommended()


@cache
def _absent() -> str:
    return _hasher().hash(_NOBODY)


async def hash_password(password: str) -> str:
    """Make the hash that is stored; a password as long as a book is refused."""
    if not password or len(password) > _LONGEST:
        message = f"a password has 1 to {_LONGEST} characters"
        raise ValueError(message)
    return await asyncio.to_thread(_hasher().hash, password)


async def check_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Say whether it is the password, and the hash to store in place of one that is weak by now.

    Where nobody of that name is known, or nobody has set a password, `stored` is None or empty: it takes as
    long, so that names cannot be found out, and no password is the right one.
    """
    if len(password) > _LONGEST:
        return False, None
    right, better = await asyncio.to_thread(_compared, password, stored)
    return (right, better) if stored else (False, None)


def _compared(password: str, stored: str | None) -> tuple[bool, str | None]:
    return _hasher().verify_and_update(password, stored or _absent())
