"""TypeScript clients: compiled strictly together with a program that calls every operation, run on Node."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from nexus_generators.sdk.typescript.driver import program

from nexus_cli.engine import node_project, tools
from nexus_cli.errors import NexusError
from nexus_cli.process import Completed, run
from nexus_cli.sdk.proof import Progress, Proof, Trial, finished
from nexus_cli.sdk.report import Check

_LOCKS = Path(__file__).resolve().parent / "locks"
_NODE = tools.TOOLCHAINS["node"]
_SECONDS = 900.0


def environment(progress: Progress) -> Path:
    """A folder with the compiler, installed once for each user."""
    lock = (_LOCKS / "package-lock.json").read_bytes()
    folder = tools.tools_folder() / f"sdk-typescript-{hashlib.blake2b(lock, digest_size=8).hexdigest()}"
    tools.install(_NODE, progress)
    if folder.is_dir():
        return folder
    with tools.only_one(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            progress("installing what TypeScript clients are compiled with")
            fresh = folder.with_name(f".{folder.name}.new")
            tools.remove(fresh)
            fresh.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_LOCKS / name, fresh)
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            done = node_project.npm("ci", *quiet, cwd=fresh, progress=progress)
            if done.code:
                raise NexusError(
                    f"the TypeScript compiler could not be installed: {done.last_line}",
                    hint="check the network, or use --no-verify",
                )
            fresh.rename(folder)
    return folder


def _checks(trial: Trial, progress: Progress) -> Iterator[Check]:
    """The client and the program that calls it, compiled as one."""
    compiler = environment(progress) / "node_modules" / "typescript" / "bin" / "tsc"
    node = str(tools.programs(_NODE) / "node")
    driver = trial.folder / "src" / "driver.ts"
    driver.write_text(program(trial.api, trial.cases, trial.library.calls), encoding="utf-8")
    yield finished(
        "tsc --strict, with a typed call of every operation", [node, str(compiler), "-p", "."], trial.folder
    )
    if (trial.folder / "tests").is_dir():
        yield finished("its own tests", [node, "--test", "tests/client.test.mjs"], trial.folder)


def _driver(trial: Trial, url: str, progress: Progress) -> Completed:
    del progress
    program_ = trial.folder / "dist" / "driver.js"
    if not program_.is_file():
        return Completed(1, "", "it was not compiled")
    return run(
        [str(tools.programs(_NODE) / "node"), str(program_), url],
        cwd=trial.folder,
        env={**os.environ, "NO_COLOR": "1"},
        timeout=_SECONDS,
    )


polished = dict
"""The files as they are: what is written is already how it should look."""

PROOF = Proof(_checks, _driver)
