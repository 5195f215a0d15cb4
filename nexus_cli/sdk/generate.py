"""From a document to a proved client in a folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from nexus_generators.generator import Files
from nexus_generators.openapi.build import build
from nexus_generators.openapi.cases import Cases
from nexus_generators.openapi.document import Document
from nexus_generators.openapi.model import Api
from nexus_generators.sdk.examples import Example, choose
from nexus_generators.sdk.library import Library, Package
from nexus_generators.writer import Change, compare, managed, recover, write

from nexus_cli.errors import UsageError
from nexus_cli.sdk.files import lay
from nexus_cli.sdk.locked import locks
from nexus_cli.sdk.proof import Progress, Proof
from nexus_cli.sdk.report import Report
from nexus_cli.sdk.schemas import Schemas


@dataclass(frozen=True, slots=True)
class Language:
    """How clients of a language are written, finished and proved; loaded when it is wanted."""

    name: str

    @property
    def emit(self) -> Callable[[Api, Package, Mapping[str, Example]], Library]:
        """Writes a client."""
        found: Callable[[Api, Package, Mapping[str, Example]], Library]
        found = import_module(f"nexus_generators.sdk.{self.name}.emit").emit
        return found

    @property
    def polished(self) -> Callable[[Files], Files]:
        """Formats a client's files."""
        found: Callable[[Files], Files] = import_module(f"nexus_cli.sdk.{self.name}").polished
        return found

    @property
    def proof(self) -> Proof:
        """Checks and calls a client."""
        found: Proof = import_module(f"nexus_cli.sdk.{self.name}").PROOF
        return found


LANGUAGES: Mapping[str, Language] = {name: Language(name) for name in ("python", "typescript", "go")}
"""By the value of `--lang`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was generated: the changes in the folder and, where it was proved, the report."""

    folder: Path
    changes: Sequence[Change]
    report: Report | None
    document: Document


def language(name: str) -> Language:
    """A language by its name."""
    found = LANGUAGES.get(name)
    if found is None:
        raise UsageError(f"no clients are written in {name!r}", hint=f"choose {', '.join(LANGUAGES)}")
    return found


def library(document: Document, name: str, package: str = "", version: str = "") -> tuple[Api, Library]:
    """The client of a document in a language, formatted."""
    chosen, api = language(name), build(document)
    schemas = Schemas(document)
    examples = choose(api, Cases(document, api, schemas.valid, schemas.faults, optional=False).of)
    made = chosen.emit(api, Package.of(api, package, version), examples)
    return api, replace(made, files=chosen.polished(made.files))


def generate(
    document: Document,
    name: str,
    out: Path,
    *,
    package: str = "",
    version: str = "",
    verify: bool = True,
    force: bool = False,
    dry_run: bool = False,
    within: bool = False,
    progress: Progress,
) -> Outcome:
    """Write the client into `out`, prove it, and say what became of what; `within` a workspace, locked."""
    api, made = library(document, name, package, version)
    if within:
        made = replace(made, files={**made.files, **locks(made.files, name)})
    report = None
    if verify:
        from nexus_cli.sdk.gate import prove

        with tempfile.TemporaryDirectory(prefix="nexus-sdk-") as place:
            folder = Path(place)
            lay(made.files, folder)
            report = prove(document, api, made, folder, language(name).proof, name, progress)
    changes = _written(made.files, out, force=force, dry_run=dry_run)
    return Outcome(out, changes, report, document)


def reference(document: Document, out: Path, *, force: bool, dry_run: bool) -> list[Change]:
    """Write the reference of an API as web pages."""
    return _written(pages(document), out, force=force, dry_run=dry_run)


def pages(document: Document, *, home: str = "") -> Files:
    """The reference of an API; `home` leads to the page of what serves it."""
    from nexus_generators.docs.reference import site

    api, schemas = build(document), Schemas(document)
    return site(api, Cases(document, api, schemas.valid, schemas.faults).of, home=home)


def _written(files: Files, out: Path, *, force: bool, dry_run: bool) -> list[Change]:
    """The files in the folder: what a person changed stays, and so does all of `custom/`."""
    target = out.resolve()
    root, folder = target.parent, target.name
    if not dry_run:
        recover(root)
    laid, base = managed(files, root, folder)
    changes = compare(laid, root, base=base)
    if not dry_run:
        ours = not (root / ".nexus").exists()
        root.mkdir(parents=True, exist_ok=True)
        write(changes, root, force=force)
        if ours:
            shutil.rmtree(root / ".nexus", ignore_errors=True)
    return changes
