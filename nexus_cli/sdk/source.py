"""Where documents come from: files and addresses, within bounds of size, time and place."""

from __future__ import annotations

import ipaddress
import socket
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from nexus_generators.openapi.document import Document, load
from nexus_generators.openapi.parse import MAX_BYTES

from nexus_cli.errors import NexusError, UsageError

_SECONDS = 30.0
_REDIRECTS = 5


def read(source: str, *, private: bool = False) -> Document:
    """The document of a file or an address; `private` lets it lead on into inner networks."""
    name, text = _read(source, asked=True, private=private)

    def fetch(place: str, base: str) -> tuple[str, str]:
        return _referred(place, base, source, private=private)

    return load(text, name, fetch)


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _referred(place: str, base: str, source: str, *, private: bool) -> tuple[str, str]:
    """What a document refers to: beside it or below it, or at an address."""
    if _is_url(place) or _is_url(base):
        address = urllib.parse.urljoin(base, place) if _is_url(base) else place
        if not _is_url(address):
            raise UsageError(f"{base}: refers to {place!r}, which is no address")
        same = _is_url(source) and _origin(address) == _origin(source)
        return _read(address, asked=same, private=private)
    root = Path(source).resolve().parent
    target = (Path(base).resolve().parent / urllib.parse.unquote(place)).resolve()
    if not target.is_relative_to(root):
        raise UsageError(
            f"{base}: refers to {place!r} outside of {root}",
            hint="put the documents into one folder; references out of it are not followed",
        )
    return _read(str(target), asked=True, private=private)


def _origin(address: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(address)
    return parts.scheme, parts.netloc


def _read(source: str, *, asked: bool, private: bool) -> tuple[str, str]:
    if _is_url(source):
        return source, _decoded(_download(source, asked=asked or private, private=private), source)
    try:
        path = Path(source)
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{source}: larger than {MAX_BYTES // 1024 // 1024} MB")
        return source, _decoded(path.read_bytes(), source)
    except OSError as error:
        raise UsageError(
            f"cannot read {source}: {error.strerror}", hint="give a file or an address"
        ) from None


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8", hint="convert the file to UTF-8") from None


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


def _download(address: str, *, asked: bool, private: bool) -> bytes:
    if not asked:
        refuse_private(address)
    opener = urllib.request.build_opener(_Careful(private=private))
    request = urllib.request.Request(address, headers={"Accept": "application/json, application/yaml, */*"})  # noqa: S310 - only http and https come here
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise NexusError(f"{address} answered {error.code} {error.reason}") from None
    except (OSError, ValueError) as error:
        raise NexusError(
            f"cannot read {address}: {error}", hint="check the address and the network"
        ) from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{address}: larger than {MAX_BYTES // 1024 // 1024} MB")
    return content
