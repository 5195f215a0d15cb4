"""Compiled Python: what one environment has compiled of a library, another with the same library takes over.

Compiling is most of what a new environment costs, and locks of services differ in few libraries.
"""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nexus_cli.process import run

_SITE = "lib/python*/site-packages"


def compile_(venv: Path, others: Sequence[Path]) -> None:
    """Compile all libraries of an environment, except what one of the others has of the same file."""
    site = next(venv.glob(_SITE))
    sites = [found for other in others for found in other.glob(_SITE)]
    for library in site.glob("*.dist-info"):
        modules = [*_modules(library)]
        for twin in (other for other in sites if modules and _same(site / modules[0], other / modules[0])):
            for module in modules:
                _take_over(site / module, twin / module)
            break
    # Templates of some libraries are no Python: the exit code means nothing.
    run([str(venv / "bin" / "python"), "-I", "-m", "compileall", "-qq", "-j", "0", str(site)])


def _modules(library: Path) -> Iterator[str]:
    """The modules of an installed library, relative to where libraries lie."""
    with (library / "RECORD").open(encoding="utf-8", newline="") as record:
        yield from (row[0] for row in csv.reader(record) if row and row[0].endswith(".py"))


def _same(one: Path, other: Path) -> bool:
    """Whether both are one file: what is only called alike may be another."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _take_over(source: Path, twin: Path) -> None:
    compiled = f"__pycache__/{source.stem}.{sys.implementation.cache_tag}.pyc"
    if _same(source, twin):
        with contextlib.suppress(OSError):  # it is not there, or cannot be linked: it is compiled
            (source.parent / "__pycache__").mkdir(exist_ok=True)
            os.link(twin.parent / compiled, source.parent / compiled)
