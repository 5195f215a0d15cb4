"""Where documents come from: files and addresses, within bounds of size, time and place."""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from nexus_generators.openapi.document import Document, load
from nexus_generators.openapi.parse import MAX_BYTES

from nexus_cli.errors import UsageError


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
        from nexus_cli.sdk.download import download

        return source, _decoded(download(source, asked=asked or private, private=private), source)
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
