"""Templates from elsewhere (a folder, a git repository), rendered by Copier. The only importer of copier."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nexus_generators.generator import File

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold.builtin import answers_file
from nexus_cli.scaffold.template import ANSWERS

_UNSAFE = {
    "tasks": "runs commands (tasks)",
    "jinja_extensions": "loads code (Jinja extensions)",
    "migrations": "runs commands when it is updated (migrations)",
}


def render(
    source: str, data: Mapping[str, Any], *, folder: str, ref: str | None, trust: bool, ask: bool
) -> dict[str, File]:
    """The files that Copier makes of a template; without `trust` it may neither run nor load code.

    The user's Copier settings have no say. With `ask`, questions that the data does not answer are asked
    on the terminal.
    """
    _check_source(source, ref)
    if Path(source).expanduser().is_dir():
        source = str(Path(source).expanduser().resolve())
    elif "://" in source and not source.startswith("git+"):
        source = f"git+{source}"
    with tempfile.TemporaryDirectory(prefix="nexus-template-") as temporary:
        place = Path(temporary, folder)
        origin = _run(source, place, data, ref=ref, trust=trust, ask=ask)
        files = _collect(place)
    if ANSWERS not in files:
        files[ANSWERS] = File(answers_file({**origin, **data}))
    return files


def _check_source(source: str, ref: str | None) -> None:
    if source.startswith("-") or (ref or "").startswith("-"):
        raise UsageError("a template and its version do not begin with a dash")
    if "://" in source and urlsplit(source.removeprefix("git+")).password:
        raise UsageError(
            "the template's address holds a password, which would be written into the answers file",
            hint="leave it out and let git's credential helper give it",
        )


def _run(
    source: str, place: Path, data: Mapping[str, Any], *, ref: str | None, trust: bool, ask: bool
) -> dict[str, str]:
    """Let Copier render; says where the template came from and at which version."""
    import copier
    from copier.errors import CopierError, UnsafeTemplateError
    from jinja2 import TemplateError
    from plumbum import ProcessExecutionError

    try:
        with warnings.catch_warnings(), _output_to_stderr():
            warnings.simplefilter("ignore")
            worker = copier.run_copy(
                source,
                place,
                dict(data),
                vcs_ref=ref,
                settings=copier.Settings(),
                defaults=not ask,
                overwrite=True,
                quiet=True,
                unsafe=trust,
            )
    except UnsafeTemplateError as error:
        raise _unsafe(source, [words for key, words in _UNSAFE.items() if key in str(error)]) from error
    except ProcessExecutionError as error:
        raise NexusError(f"cannot fetch the template {source}: {_last(str(error.stderr))}") from error
    except (CopierError, TemplateError, ValueError, TypeError, OSError) as error:
        raise NexusError(f"template {source}: {_sentence(error)}") from error
    if worker.template.config_data.get("migrations") and not trust:
        raise _unsafe(source, [_UNSAFE["migrations"]])
    return dict(worker.template.metadata)


def _unsafe(source: str, reasons: list[str]) -> UsageError:
    return UsageError(
        f"the template {source} {' and '.join(reasons) or 'runs code'}; nothing was run and nothing written",
        hint="read it first; --trust lets it",
    )


def _sentence(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    missing = re.fullmatch(r'Question "(.+)" is required', text)
    return f'it asks for "{missing[1]}"; give --data {missing[1]}=VALUE' if missing else text.splitlines()[0]


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "git failed"


def _collect(place: Path) -> dict[str, File]:
    """Every file that was made; a link or a device is refused, a `.git` that a task made is left out."""
    files = {}
    for folder, folders, names in os.walk(place, followlinks=False):
        folders[:] = [name for name in folders if name != ".git"]
        for name in [*names, *folders]:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a file"
                raise UsageError(f"the template makes {path.relative_to(place)}, which is {kind}")
        for name in names:
            path = Path(folder, name)
            executable = bool(path.stat().st_mode & stat.S_IXUSR)
            files[path.relative_to(place).as_posix()] = File(path.read_bytes(), executable=executable)
    return files


@contextlib.contextmanager
def _output_to_stderr() -> Iterator[None]:
    """What a trusted template's commands print is a message, not the answer of this command."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
