"""APIs and their client libraries by the program `nexus`, which proves that nothing is missing."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Language = Literal["python", "typescript", "go"]
_FAILED = 1


class NexusError(Exception):
    """What the program said when it could not do what it was asked for."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client library: where it lies, its files that are new or other, and the proof that it is complete."""

    folder: Path
    changed: tuple[str, ...]
    report: dict[str, Any] | None

    @property
    def complete(self) -> bool:
        """Whether every operation was called on a server made from the document; False where none tried."""
        return bool(self.report and self.report.get("complete"))


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is other than before: `level` is breaking, compatible or a note."""

    level: str
    operation: str
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two versions of an API, and the version that the newer one ought to have."""

    changes: tuple[Change, ...]
    breaking: bool
    next_version: str


class Generator:
    """Calls `nexus`: the one on the PATH, unless another is named."""

    def __init__(self, program: str | Path | None = None) -> None:
        found = which(program or "nexus")
        if found is None:
            raise NexusError(f"there is no program {program or 'nexus'}: install it beside this package")
        self._program = found

    def generate(  # noqa: PLR0913 - the options that the program has
        self,
        spec: str | Path,
        language: Language,
        out: Path,
        *,
        name: str | None = None,
        version: str | None = None,
        verify: bool = True,
        missing: Iterable[str] = (),
    ) -> Client:
        """Make a client library of an OpenAPI document, and prove it, unless told not to.

        One that is not complete is written as well; `complete` says so. `missing` are operations that may be.
        """
        options = ["--spec", str(spec), "--lang", language, "--out", str(out)]
        options += ["--name", name] if name else []
        options += ["--package-version", version] if version else []
        options += [] if verify else ["--no-verify"]
        options += [word for each in missing for word in ("--allow-missing", each)]
        told = self._json("generate", "sdk", *options, "--output", "json")
        changed = [change["path"] for change in told["changes"] if change["status"] != "same"]
        return Client(Path(told["folder"]), tuple(changed), told["report"])

    def compare(self, old: str | Path, new: str | Path) -> Comparison:
        """Say what changed between two versions of an API, and what of it breaks those that call it."""
        told = self._json("sdk", "diff", str(old), str(new), "--output", "json")
        changes = (
            Change(each["level"], each["operation"], each["place"], each["message"])
            for each in told["changes"]
        )
        return Comparison(tuple(changes), told["breaking"], told["next"])

    def notes(self, old: str | Path, new: str | Path) -> str:
        """Say what changed as Markdown, for the notes of a release."""
        return self._run("sdk", "diff", str(old), str(new), "--output", "markdown")

    def describe(self, service: str, out: Path, *, workspace: Path) -> Path:
        """Write the OpenAPI document of a workspace's service: what its code says, or else its blueprint."""
        self._run("--workspace", str(workspace), "sdk", "spec", service, "--write", str(out.absolute()))
        return out

    def reference(self, spec: str | Path, out: Path) -> Path:
        """Write the reference of an API, for a site of documentation."""
        self._run("generate", "docs", "--spec", str(spec), "--folder", str(out))
        return out

    def _json(self, *arguments: str) -> Any:
        return json.loads(self._run(*arguments))

    def _run(self, *arguments: str) -> str:
        """Give what the program printed; one that has printed a verdict has not failed."""
        done = subprocess.run(  # noqa: S603 - no shell, and the program is the person's own
            [self._program, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode and not (done.returncode == _FAILED and done.stdout.strip()):
            raise NexusError(done.stderr.strip() or f"it ended with {done.returncode}")
        return done.stdout
