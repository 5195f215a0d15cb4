"""What a generator is: a pure function from a platform to files that nothing has written yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform


@dataclass(frozen=True, slots=True)
class File:
    """A file that was generated: its bytes, whether it is a program, and whose it is afterwards.

    A `seed` is written where nothing is and belongs to the person from then on.
    """

    content: bytes
    executable: bool = False
    seed: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return sha256(self.content).hexdigest()


Files = Mapping[str, File]
"""Generated files by their POSIX path, relative to where they will be written."""


def text(content: str, *, executable: bool = False, seed: bool = False) -> File:
    """A file of UTF-8 text."""
    return File(content.encode(), executable=executable, seed=seed)


def under(folder: str, files: Files) -> dict[str, File]:
    """The same files, each below `folder` (a POSIX path; the empty one changes nothing)."""
    return {f"{folder}/{path}" if folder else path: file for path, file in files.items()}


class Generator(Protocol):
    """Anything that makes files out of a platform; the same input gives the same bytes."""

    def __call__(self, platform: Platform, options: Mapping[str, Any], /) -> Files:
        """The files, by path relative to the workspace."""
