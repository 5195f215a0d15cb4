"""Python clients: formatted by ruff, checked by mypy, and called on an interpreter of nexus's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus_generators.generator import File, Files

from nexus_cli.errors import NexusError
from nexus_cli.process import Completed, run
from nexus_cli.scaffold.tidy import ruff
from nexus_cli.sdk.files import lay
from nexus_cli.sdk.proof import Progress, Proof, Trial, finished
from nexus_cli.sdk.report import Check

_HERE = Path(__file__).resolve().parent
_DRIVER = _HERE / "drivers" / "python_driver.py"
_LOCK = _HERE / "locks" / "python.lock"
_SECONDS = 900.0
_RULES = "F401,I"


def polished(files: Files) -> dict[str, File]:
    """The files as ruff formats them, without imports that nothing uses."""
    with tempfile.TemporaryDirectory(prefix="nexus-sdk-") as place:
        folder = Path(place)
        lay(files, folder)
        for command in (
            ["check", "--fix-only", "--quiet", "--select", _RULES, "."],
            ["format", "--quiet", "."],
        ):
            done = run([ruff(), command[0], "--no-cache", *command[1:]], cwd=folder, timeout=_SECONDS)
            if done.code:
                raise NexusError(f"the client could not be formatted: {done.err.strip()[:500]}")
        return {
            path: File((folder / path).read_bytes(), file.executable, file.seed)
            if path.endswith((".py", ".md"))
            else file
            for path, file in files.items()
        }


def environment(progress: Progress) -> Path:
    """An interpreter with what clients need and what checks them, installed once for each user."""
    from nexus_cli.engine import tools

    return tools.environment("sdk-python", _LOCK, "what Python clients are checked with", progress)


def _checks(trial: Trial, progress: Progress) -> Iterator[Check]:
    programs = environment(progress) / "bin"
    folder, module = trial.folder, trial.library.package.module
    source = folder / "src"
    python = str(programs / "python")
    quiet: Mapping[str, str] = {"PYTHONDONTWRITEBYTECODE": "1"}
    every = (
        f"import {module} as m, pydantic\n"
        "models = [x for x in vars(m.models).values()"
        " if isinstance(x, type) and issubclass(x, pydantic.BaseModel)]\n"
        "[x.model_rebuild() for x in models]\nm.Client(), m.AsyncClient()"
    )
    yield finished(
        "it imports, and every model is built", [python, "-W", "error", "-c", every], source, **quiet
    )
    cache = programs.parent / "mypy_cache"  # what all clients stand on is looked at once for each user
    typed = [python, "-m", "mypy", "--no-error-summary", "--cache-dir", str(cache)]
    yield finished("mypy --strict", typed, folder)
    if (folder / "tests").is_dir():
        yield finished(
            "its own tests", [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], folder, **quiet
        )
    yield finished("ruff check", [ruff(), "check", "--no-cache", "--quiet", "."], folder)
    yield finished("ruff format", [ruff(), "format", "--no-cache", "--check", "--quiet", "."], folder)


def _driver(trial: Trial, url: str, progress: Progress) -> Completed:
    programs, source = environment(progress) / "bin", trial.folder / "src"
    cases = trial.folder / "cases.json"
    cases.write_text(trial.listed(), encoding="utf-8")
    return run(
        [str(programs / "python"), str(_DRIVER), trial.library.package.module, str(cases), url],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "*"},
        timeout=_SECONDS,
    )


PROOF = Proof(_checks, _driver, modes=2)
