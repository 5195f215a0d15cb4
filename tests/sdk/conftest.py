"""The real documents that clients are proved with."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from nexus_generators.openapi.document import Document, load

from nexus_cli.sdk.source import read

DOCUMENTS = Path(__file__).resolve().parent / "documents"
COUNTS: dict[str, int] = {
    entry["file"]: entry["operations"] for entry in json.loads((DOCUMENTS / "MANIFEST.json").read_text())
}


def document(name: str) -> Document:
    """One of them; the large ones are compressed."""
    packed = DOCUMENTS / f"{name}.gz"
    if packed.exists():
        return load(gzip.decompress(packed.read_bytes()).decode(), name)
    return read(str(DOCUMENTS / name))


@pytest.fixture(params=sorted(COUNTS))
def real(request: pytest.FixtureRequest) -> Document:
    """Each of the real documents."""
    return document(request.param)
