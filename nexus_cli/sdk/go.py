"""Go clients: formatted, vetted and built by Go, and called by a program that is built with them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nexus_generators.generator import File, Files
from nexus_generators.sdk.go.driver import program

from nexus_cli.engine import tools
from nexus_cli.errors import NexusError
from nexus_cli.process import Completed, run
from nexus_cli.sdk.files import lay
from nexus_cli.sdk.proof import Progress, Proof, Trial, finished
from nexus_cli.sdk.report import Check

_GO = tools.TOOLCHAINS["go"]
_SECONDS = 900.0


def programs(progress: Progress) -> Path:
    """The folder of `go` and `gofmt`: this machine's own, else nexus's."""
    found = shutil.which("go")
    if found and shutil.which("gofmt", path=str(Path(found).resolve().parent)):
        return Path(found).resolve().parent
    tools.install(_GO, progress)
    return tools.programs(_GO)


def polished(files: Files) -> dict[str, File]:
    """The files as gofmt formats them."""
    with tempfile.TemporaryDirectory(prefix="nexus-sdk-") as place:
        folder = Path(place)
        lay(files, folder)
        done = run([str(programs(lambda _: None) / "gofmt"), "-w", "."], cwd=folder, timeout=_SECONDS)
        if done.code:
            raise NexusError(f"the client could not be formatted: {done.err.strip()[:500]}")
        return {
            path: File((folder / path).read_bytes(), file.executable, file.seed)
            if path.endswith(".go")
            else file
            for path, file in files.items()
        }


def _environment() -> dict[str, str]:
    flags = {
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=mod -buildvcs=false -trimpath",
        "CGO_ENABLED": "0",
    }
    return {**os.environ, **flags}


def _checks(trial: Trial, progress: Progress) -> Iterator[Check]:
    go = str(programs(progress) / "go")
    main = trial.folder / "cmd" / "driver" / "main.go"
    main.parent.mkdir(parents=True)
    main.write_text(program(trial.api, trial.cases, trial.library), encoding="utf-8")
    flags = {key: value for key, value in _environment().items() if key.startswith(("GO", "CGO"))}
    yield finished("go vet", [go, "vet", "./..."], trial.folder, **flags)
    yield finished("go build", [go, "build", "-o", "driver.out", "./cmd/driver"], trial.folder, **flags)
    if "client_test.go" in trial.library.files:
        yield finished("its own tests", [go, "test", "-count=1", "."], trial.folder, **flags)
    unformatted = run([str(programs(progress) / "gofmt"), "-l", "."], cwd=trial.folder, timeout=_SECONDS)
    lines = [line for line in unformatted.out.splitlines() if not line.startswith("cmd")]
    yield Check("gofmt", not lines and not unformatted.code, "\n".join(lines))


def _driver(trial: Trial, url: str, progress: Progress) -> Completed:
    del progress
    binary = trial.folder / "driver.out"
    if not binary.is_file():
        return Completed(1, "", "it was not built")
    return run([str(binary), url], cwd=trial.folder, timeout=_SECONDS)


PROOF = Proof(_checks, _driver)
