"""Documents from addresses, within bounds of size, time and place."""

from __future__ import annotations

import ipaddress
import socket
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import Any

from nexus_generators.openapi.parse import MAX_BYTES

from nexus_cli.errors import NexusError, UsageError

_SECONDS = 30.0
_REDIRECTS = 5


class _Careful(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not into networks that only this machine reaches."""

    max_redirections = _REDIRECTS

    def __init__(self, *, private: bool) -> None:
        self._private = private

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not self._private:
            refuse_private(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def refuse_private(address: str) -> None:
    """A fault for an address that is not one of the open internet."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{address} is not an address to read from")
    try:
        found = socket.getaddrinfo(parts.hostname, None)
    except OSError as error:
        raise NexusError(f"cannot reach {parts.hostname}: {error.strerror}") from None
    for entry in found:
        if not ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global:
            raise UsageError(
                f"{address} leads into a private network", hint="use --allow-private if that is meant"
            )


def download(address: str, *, asked: bool, private: bool) -> bytes:
    """What is at an address; one that was not `asked` for must be on the open internet."""
    if not asked:
        refuse_private(address)
    opener = urllib.request.build_opener(_Careful(private=private))
    request = urllib.request.Request(address, headers={"Accept": "application/json, application/yaml, */*"})  # noqa: S310 - only http and https come here
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise NexusError(f"{address} answered {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise NexusError(
            f"cannot read {address}: {error}", hint="check the address and the network"
        ) from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{address}: larger than {MAX_BYTES // 1024 // 1024} MB")
    return content
